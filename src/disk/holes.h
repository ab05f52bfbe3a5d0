/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holes: parts of a file that have no space on its filesystem yet.
 *
 * They are found with FIEMAP (Documentation/filesystems/fiemap.rst). For FIEMAP, space that was
 * allocated and never written is no hole; and it leaves the file's position alone. SEEK_HOLE has
 * neither property. All functions are thread- and async-signal-safe, take no lock, and use 1 KiB of
 * stack.
 */
#ifndef MAPHERD_HOLES_H
#define MAPHERD_HOLES_H

#include <stdbool.h>
#include <stdint.h>

/* Called for each hole, in ascending order. Returns 0 to go on; anything else ends the search. */
typedef long holes_found(uint64_t start, uint64_t end, void *context);

/*
 * Calls found for the holes of bytes [start, end). Asks at most so many questions (0: no limit), of
 * 16 extents each. Returns 0; -E2BIG if more questions were needed; the value with which found
 * ended the search; or the kernel's -errno, -EOPNOTSUPP or -ENOTTY if the filesystem cannot tell.
 */
long holes_each(int fd, uint64_t start, uint64_t end, unsigned questions, holes_found *found,
                void *context);

/* Sets *bytes to an upper bound of the bytes of [start, end) that have space and were never
 * written: pages that are dirty in memory count, too. Questions and errors are those of
 * holes_each. */
long holes_unused(int fd, uint64_t start, uint64_t end, unsigned questions, uint64_t *bytes);

/*
 * Allocates [start, end) without changing the file's size or a byte of it, in pieces, so that a
 * program whose timer interrupts every call makes progress. Returns 0, or the kernel's -errno: then
 * the first part may be allocated. Returns -EINTR only if there is never progress.
 */
long holes_allocate(int fd, uint64_t start, uint64_t end);

/* Returns true if the answer of one of these functions means that the filesystem can never do
 * it. */
bool holes_unsupported(long answer);

#endif
