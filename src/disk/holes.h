/*
 * holes: parts of a file that have no space on its filesystem yet.
 *
 * Found with FIEMAP (Documentation/filesystems/fiemap.rst), for which space that was allocated and
 * never written is no hole, and which leaves the file's position alone; SEEK_HOLE has neither
 * quality. Thread- and async-signal-safe, 1 KiB of stack.
 */
#ifndef MAPHERD_HOLES_H
#define MAPHERD_HOLES_H

#include <stdbool.h>
#include <stdint.h>

/* Called once a hole, in ascending order: 0 to go on, anything else ends it and is returned. */
typedef long holes_found(uint64_t start, uint64_t end, void *context);

/* The holes of [start, end). 0; -E2BIG after so many questions (0: no limit) of 16 extents each; the
 * kernel's -errno, -EOPNOTSUPP or -ENOTTY where the filesystem cannot say. */
long holes_each(int fd, uint64_t start, uint64_t end, unsigned questions, holes_found *found,
                void *context);

/* Bytes of [start, end) that have space and were never written, at most: what is dirty in memory
 * counts, too. Else as holes_each. */
long holes_unused(int fd, uint64_t start, uint64_t end, unsigned questions, uint64_t *bytes);

/*
 * Allocates [start, end) without changing the file's size or a byte of it. In pieces, so that a
 * program whose timer interrupts every call gets on; -EINTR only if it never does. 0, or the
 * kernel's -errno: then the first part may be allocated.
 */
long holes_allocate(int fd, uint64_t start, uint64_t end);

/* An answer that means: this filesystem cannot, ever. */
bool holes_unsupported(long answer);

#endif
