/*
 * peek: reads the library's status block out of a running process.
 */
#ifndef MAPHERD_PEEK_H
#define MAPHERD_PEEK_H

#include <stdint.h>
#include <sys/types.h>

#include "kernel/procmaps.h"
#include "mapherd/mapherd.h"

/* Whether a map is of a file that bears the library's name, deleted or not. */
bool peek_is_library(const struct procmap *m);

/*
 * base: where the library's first page is mapped in process pid. NULL and the block in *status
 * (what an older library does not have is 0), or a sentence that says why not.
 */
const char *peek_status(pid_t pid, uint64_t base, struct mapherd_status *status);

#endif
