/*
 * jitmap: the names that a JIT wrote into /tmp/perf-PID.map
 * (tools/perf/Documentation/jit-interface.txt of the kernel): lines of "START SIZE NAME",
 * hexadecimal.
 */
#ifndef MAPHERD_COMMAND_JITMAP_H
#define MAPHERD_COMMAND_JITMAP_H

#include <stdint.h>
#include <sys/types.h>

struct jitmap;

/* Reads the file. NULL if there is none, if it belongs to neither owner nor root, or if it is
 * older than since_s (s since 1970): then it is of another process that had the same id. */
struct jitmap *jitmap_read(const char *path, uid_t owner, int64_t since_s);
void jitmap_free(struct jitmap *j);

/* The name of the code at address, or NULL. */
const char *jitmap_find(const struct jitmap *j, uint64_t address);

#endif
