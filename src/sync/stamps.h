/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * stamps: has a file been stored to since?
 *
 * A store to a clean page of a shared mapping faults, and in that fault the filesystem changes the
 * file's ctime (page_mkwrite), to the time of the last tick of the kernel's clock or to a finer
 * one. So a ctime that lies before the last tick when it is read never stays the same through such
 * a change, nor comes back. Within its own tick it may, even where the kernel's timestamps are
 * multigrain (Linux 6.13; ext4, xfs, btrfs). doc/sync.md has the argument. No function here takes a
 * lock; all are thread- and async-signal-safe.
 */
#ifndef MAPHERD_STAMPS_H
#define MAPHERD_STAMPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "space/files.h"

struct stamp {
    dev_t dev;
    ino_t ino;
    int64_t sec, nsec; /* the file's ctime */
    int64_t wall;      /* by how many ns the wall clock was ahead of the monotonic one */
    uint64_t at_ms;    /* when it was read, by the monotonic clock */
};

/* True if files of this filesystem (files.h, fs_type) have multigrain timestamps where the kernel
 * has. */
bool stamps_differ_on(long fs_type);

/*
 * Reads the stamp of the file dev, ino, of such a filesystem, through fd. Returns false if a stamp
 * would say nothing: fd is not of that file any more, the file has changed within this tick, or the
 * kernel has no multigrain timestamps. The kernel is tried once in a process, with a memfd that is
 * closed again.
 */
bool stamp_read(int fd, dev_t dev, ino_t ino, struct stamp *s);

/* Reads the stamp of the file again. was has been read with stamp_read. */
bool stamp_reread(int fd, const struct stamp *was, struct stamp *s);

/* Returns true if there was no store between the two: the file and its ctime are the same, the wall
 * clock has not jumped, and before is younger than STAMP_LIFE_MS. */
bool stamp_same(const struct stamp *before, const struct stamp *now);
#define STAMP_LIFE_MS 60000

/* ---- a fence ---- */

/*
 * No store through a mapping of this file is half way.
 *
 * In the fault of its first store to a page, a thread may have changed the file's ctime and not yet
 * made the page dirty. It holds its VMA's lock for reading until it has. madvise that changes the
 * VMA's advice takes that lock for writing, and so waits for all such threads. The fence changes
 * the advice of each VMA and changes it back.
 */

/*
 * Returns true if every store to f, through mappings of this process, whose fault had begun before
 * the call has made its page dirty. Returns false if that is not known, because not all mappings of
 * the file are known, they are too many, or the kernel refused an advice. Mappings of files that
 * the model cannot tell from f count as f's. Model lock held; makes two system calls for each VMA,
 * none of which does I/O.
 */
bool fence_file(const struct file *f);

#endif
