/*
 * examine: the doctor's examinations. Each tries the thing itself and says what came of it.
 */
#ifndef MAPHERD_EXAMINE_H
#define MAPHERD_EXAMINE_H

#include "command/host/findings.h"

/* The kernel: its release, vm.max_map_count, and the calls that the library makes use of. */
void examine_kernel(struct findings *f);

/* The library: whether it is found, and gets into a program. path is filled if it is found. */
void examine_library(struct findings *f, char *path, size_t size);

/* A folder: whether parts of a file there become one map. */
void examine_folder(struct findings *f, const char *folder);

/* The JVMs of this host: whether library gets into them. */
void examine_jvms(struct findings *f, const char *library);

#endif
