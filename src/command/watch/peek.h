/*
 * peek: reads the library's status block out of a running process.
 */
#ifndef MAPHERD_PEEK_H
#define MAPHERD_PEEK_H

#include <stdint.h>
#include <sys/types.h>

#include "kernel/procmaps.h"
#include "mapherd/mapherd.h"

/* Whether a VMA is of a file with the library's name, deleted or not. */
bool peek_is_library(const struct procmap *m);

/*
 * Reads the block of the library in process pid. base: where the library's first page is mapped
 * there. Returns NULL and fills *status, with 0 for what an older library does not have; or returns
 * a sentence that says why it cannot.
 */
const char *peek_status(pid_t pid, uint64_t base, struct mapherd_status *status);

#endif
