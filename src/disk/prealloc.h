/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * prealloc: the space that a shared mapping may need, before it is needed.
 *
 * A store into a hole of a mapped file asks the filesystem for a block, and the only answer of a
 * full disk is SIGBUS. So the holes of a shared writable mapping are allocated when it is made, and
 * the new part of a file when ftruncate grows it under such a mapping. MAPHERD_PREALLOC says how:
 *
 *   auto    The holes of what is mapped are allocated if all that the file lacks is no more than
 *           MAPHERD_PREALLOC_MAX and fits into the budget (disk/budget.h). A file that lacks more
 *           is sparse by design. Nothing is allocated where it does not help: on btrfs (except for
 *           files without copy on write), on network filesystems, where a full disk raises no
 *           signal, and on tmpfs, where space is memory and a container at its memory limit is
 *           killed. A file that is left as it is gets one log line, a warning if the disk does not
 *           have the space.
 *   strict  All holes are allocated, or the call fails with ENOSPC (EDQUOT over quota). Programs
 *           know this error: Python's OSError, Java's IOException, LMDB's error 28.
 *   off     Nothing is allocated.
 *
 * No byte and no size of a file changes, and nothing past its end is allocated; its mtime does
 * change. Only the program's own descriptor is used, because closing any other would drop the POSIX
 * locks that the process has on the file.
 *
 * All functions are thread- and async-signal-safe, take no lock, and use 4 KiB of stack where there
 * are holes.
 */
#ifndef MAPHERD_PREALLOC_H
#define MAPHERD_PREALLOC_H

#include <sys/types.h>

#include "space/request.h"

/* Reads the options. Called once, in the constructor, if mapherd may change mappings at all. Before
 * it the other functions allocate nothing. */
void prealloc_start(void);

/* Allocates what the request needs, before the mapping is made. Returns 0, or the -errno with which
 * the program's mmap is to fail. */
long prealloc_map(struct map_request *q);

/* Makes the program's ftruncate, and allocates the new part of the file. Returns what ftruncate
 * returns, or -errno of a failed allocation after the file has its former size again. */
long prealloc_truncate(int fd, off_t len);

#endif
