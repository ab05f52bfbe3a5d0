/*
 * holes: parts of a file that have no space on its filesystem yet.
 *
 * Never posix_fallocate: where the filesystem cannot allocate, glibc's writes a byte a block, over
 * what other threads store meanwhile.
 */
#define _GNU_SOURCE
#include "model/holes.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>

#include "base/sys.h"

#define EXTENTS 16
#define PIECE (256UL << 20)
#define PIECE_LEAST (64UL << 10)
#define TRIES 1000 /* of the least piece, each interrupted */

bool holes_unsupported(long answer)
{
    return answer == -EOPNOTSUPP || answer == -ENOTTY || answer == -ENOSYS || answer == -EINVAL;
}

long holes_each(int fd, uint64_t start, uint64_t end, unsigned questions, holes_found *found,
                void *context)
{
    union {
        struct fiemap map;
        char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
    } ask;
    long answer = 0;
    for (unsigned asked = 1; start < end; asked++) {
        if (questions && asked > questions)
            return -E2BIG;
        memset(&ask, 0, sizeof ask); /* the extents too: valgrind does not know that the kernel fills them */
        ask.map.fm_start = start;
        ask.map.fm_length = end - start;
        ask.map.fm_extent_count = EXTENTS;
        answer = sys_ioctl(fd, FS_IOC_FIEMAP, &ask);
        if (answer == -EINTR)
            continue;
        if (answer < 0)
            return answer;
        for (unsigned i = 0; i < ask.map.fm_mapped_extents && start < end; i++) {
            const struct fiemap_extent *e = &ask.map.fm_extents[i];
            uint64_t from = e->fe_logical < end ? e->fe_logical : end;
            if (from > start && (answer = found(start, from, context)))
                return answer;
            if (e->fe_logical + e->fe_length > start)
                start = e->fe_logical + e->fe_length;
        }
        if (ask.map.fm_mapped_extents < EXTENTS)
            return start < end ? found(start, end, context) : 0;
    }
    return 0;
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
