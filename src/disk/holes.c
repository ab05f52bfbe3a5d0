/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holes: parts of a file that have no space on its filesystem yet.
 *
 * posix_fallocate is never used: where the filesystem cannot allocate, glibc's writes a byte into
 * each block, over what other threads store meanwhile.
 */
#define _GNU_SOURCE
#include "disk/holes.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>

#include "kernel/sys.h"

#define EXTENTS 16
#define PIECE (256UL << 20)
#define PIECE_LEAST (64UL << 10)
#define TRIES 1000 /* so often the smallest piece may be interrupted */

bool holes_unsupported(long answer)
{
    return answer == -EOPNOTSUPP || answer == -ENOTTY || answer == -ENOSYS || answer == -EINVAL;
}

/* Called for each extent of [start, end), in ascending order. An extent may begin before start and
 * end past end. */
typedef long extent_found(const struct fiemap_extent *extent, void *context);

static long each_extent(int fd, uint64_t start, uint64_t end, unsigned questions,
                        extent_found *found, void *context)
{
    union {
        struct fiemap map;
        char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
    } ask;
    for (unsigned asked = 1; start < end; asked++) {
        if (questions && asked > questions)
            return -E2BIG;
        memset(&ask, 0,
               sizeof ask); /* the extents too: valgrind does not know that the kernel fills them */
        ask.map.fm_start = start;
        ask.map.fm_length = end - start;
        ask.map.fm_extent_count = EXTENTS;
        long answer = sys_ioctl(fd, FS_IOC_FIEMAP, &ask);
        if (answer == -EINTR)
            continue;
        if (answer < 0)
            return answer;
        for (unsigned i = 0; i < ask.map.fm_mapped_extents && start < end; i++) {
            const struct fiemap_extent *e = &ask.map.fm_extents[i];
            if ((answer = found(e, context)))
                return answer;
            if (e->fe_logical + e->fe_length > start)
                start = e->fe_logical + e->fe_length;
        }
        if (ask.map.fm_mapped_extents < EXTENTS)
            return 0;
    }
    return 0;
}

struct holes {
    uint64_t start, end; /* still to be looked at */
    holes_found *found;
    void *context;
};

static long before_extent(const struct fiemap_extent *e, void *context)
{
    struct holes *h = context;
    uint64_t from = e->fe_logical < h->end ? e->fe_logical : h->end;
    long answer = from > h->start ? h->found(h->start, from, h->context) : 0;
    if (e->fe_logical + e->fe_length > h->start)
        h->start = e->fe_logical + e->fe_length;
    return answer;
}

long holes_each(int fd, uint64_t start, uint64_t end, unsigned questions, holes_found *found,
                void *context)
{
    struct holes h = { start, end, found, context };
    long answer = each_extent(fd, start, end, questions, before_extent, &h);
    return answer == 0 && h.start < end ? found(h.start, end, context) : answer;
}

struct unused {
    uint64_t start, end, bytes;
};

static long add_unused(const struct fiemap_extent *e, void *context)
{
    struct unused *u = context;
    uint64_t from = e->fe_logical > u->start ? e->fe_logical : u->start;
    uint64_t upto = e->fe_logical + e->fe_length < u->end ? e->fe_logical + e->fe_length : u->end;
    if ((e->fe_flags & FIEMAP_EXTENT_UNWRITTEN) && upto > from)
        u->bytes += upto - from;
    return 0;
}

long holes_unused(int fd, uint64_t start, uint64_t end, unsigned questions, uint64_t *bytes)
{
    struct unused u = { start, end, 0 };
    long answer = each_extent(fd, start, end, questions, add_unused, &u);
    *bytes = u.bytes;
    return answer;
}

long holes_allocate(int fd, uint64_t start, uint64_t end)
{
    uint64_t piece = PIECE;
    unsigned tries = 0;
    while (start < end) {
        uint64_t len = end - start < piece ? end - start : piece;
        long answer = sys_fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)start, (off_t)len);
        if (answer == -EINTR) {
            if (piece > PIECE_LEAST)
                piece /= 2;
            else if (++tries == TRIES)
                return answer;
            continue;
        }
        if (answer < 0)
            return answer;
        start += len;
        tries = 0;
    }
    return 0;
}
