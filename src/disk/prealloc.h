/*
 * prealloc: the space that a shared map may need, before it is needed.
 *
 * A store into a hole of a mapped file asks the filesystem for a block, and a full disk can only
 * answer with SIGBUS. So the holes of what is mapped shared and writable are allocated when it is
 * mapped, and the new part of a file when ftruncate grows it under such a map. MAPHERD_PREALLOC:
 *
 *   auto    what is mapped, if all that the file lacks is no more than MAPHERD_PREALLOC_MAX and fits into
 *           the budget (disk/budget.h): a file that lacks more is sparse by design. Only where it
 *           helps: not on btrfs but for files without copy on write, not on network filesystems,
 *           where a full disk is no signal, and not on tmpfs, where space is memory, and a
 *           container at its memory limit is killed. One log line a file that is left as it is, a
 *           warning if the disk has not the space at all.
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

#include "space/request.h"

/* In the constructor, where maps may be changed at all. Before it nothing is done. */
void prealloc_start(void);

/* Before the map is made. 0: go on; else -errno, and the map is to fail with it. */
long prealloc_map(struct map_request *q);

/* ftruncate, and what belongs to it. As the kernel's: 0 or -errno. */
long prealloc_truncate(int fd, off_t len);

#endif
