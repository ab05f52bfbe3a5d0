/*
 * prealloc: the space that a shared map may need, before it is needed.
 *
 * A store into a hole of a mapped file asks the filesystem for a block, and a full disk can only
 * answer with SIGBUS. So the holes of what is mapped shared and writable are allocated when it is
 * mapped, and the new part of a file when ftruncate grows it under such a map. MAPHERD_PREALLOC:
 *
 *   auto    if all that the file lacks is there, leaves MAPHERD_PREALLOC_KEEP of the filesystem and
 *           as much as it takes free, and is no more than MAPHERD_PREALLOC_MAX; else one log line a
 *           file. Not on tmpfs, where
 *           space is memory, and a container at its memory limit is killed: there it only says
 *           that what is mapped does not fit.
 *   strict  all of it, or the call fails with ENOSPC (EDQUOT over quota), which programs
 *           understand: Python's OSError, Java's IOException, LMDB's error 28.
 *   off     nothing
 *
 * No byte and no size of a file changes, and nothing past its end is allocated; its mtime does
 * change. Only the program's own descriptor is used: closing any other would drop its POSIX locks.
 * No lock is held. All are thread- and async-signal-safe, with 4 KiB of stack where there are holes.
 */
#ifndef MAPHERD_PREALLOC_H
#define MAPHERD_PREALLOC_H

#include <sys/types.h>

#include "model/request.h"

/* In the constructor, where maps may be changed at all. Before it nothing is done. */
void prealloc_start(void);

/* Before the map is made. 0: go on; else -errno, and the map is to fail with it. */
long prealloc_map(struct map_request *q);

/* ftruncate, and what belongs to it. As the kernel's: 0 or -errno. */
long prealloc_truncate(int fd, off_t len);

#endif
