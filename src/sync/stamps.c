/*
 * stamps: a file's ctime, and whether the kernel's timestamps are fine enough. See stamps.h.
 *
 * In doubt the answer is that the file was stored to. That costs one sync; the other answer could
 * cost the program's data.
 */
#define _GNU_SOURCE
#include "sync/stamps.h"

#include <time.h>

#include "kernel/brief.h"
#include "kernel/fsmagic.h"
#include "kernel/sys.h"

#define NS_A_MS 1000000
#define WALL_SLACK_MS 50 /* adjtime slews the clock by half a millisecond a second at most */

static int64_t clock_of(int clock)
{
    return (int64_t)sys_clock_ns(clock);
}

/* ext4, xfs and btrfs have them if the kernel has; for btrfs it is never asked (sync.c, pays). ext2
 * has ext4's number: its stamps, and those of small inodes, are whole seconds, which read_times
 * refuses. */
static bool is_multigrain(int fd)
{
    long type;
    return sys_fstatfs_type(fd, &type) == 0 &&
           (type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC);
}

/*
 * Does a change within one tick show in the ctime? 1: yes, 0: no, -1: the tick ended meanwhile. fd
 * is a memfd: tmpfs became multigrain with the others, and every kernel has it.
 */
static int change_shows(int fd)
{
    struct stat before, after;
    int64_t tick = clock_of(CLOCK_REALTIME_COARSE);
    if (sys_fstat(fd, &before) < 0 || sys_fchmod(fd, 0600) < 0 || sys_fstat(fd, &after) < 0)
        return 0;
    if (clock_of(CLOCK_REALTIME_COARSE) != tick)
        return -1;
    return before.st_ctim.tv_nsec != after.st_ctim.tv_nsec ||
           before.st_ctim.tv_sec != after.st_ctim.tv_sec;
}

static bool probe(void)
{
    enum { ROUNDS = 4, TRIES = 64 };
    int seen = 0, shows = -1;
    long fd = brief_memfd("mapherd-stamps");
    if (fd < 0)
        return false;
    for (int n = 0; n < TRIES && seen < ROUNDS && shows; n++) {
        shows = change_shows((int)fd);
        seen += shows > 0;
    }
    brief_close((int)fd);
    return seen == ROUNDS;
}

static bool kernel_is_multigrain(void)
{
    enum { UNASKED, YES, NO };
    static int answer;
    int now = __atomic_load_n(&answer, __ATOMIC_RELAXED);
    if (now == UNASKED) {
        now = probe() ? YES : NO;
        __atomic_store_n(&answer, now, __ATOMIC_RELAXED);
    }
    return now == YES;
}

static bool read_times(int fd, dev_t dev, ino_t ino, struct stamp *s)
{
    struct stat st;
    if (sys_fstat(fd, &st) < 0 || st.st_dev != dev || st.st_ino != ino || !st.st_ctim.tv_nsec)
        return false;
    int64_t monotonic = clock_of(CLOCK_MONOTONIC);
    *s = (struct stamp){
        .dev = dev,
        .ino = ino,
        .sec = st.st_ctim.tv_sec,
        .nsec = st.st_ctim.tv_nsec,
        .wall = clock_of(CLOCK_REALTIME) - monotonic,
        .at_ms = (uint64_t)monotonic / NS_A_MS,
    };
    return true;
}

bool stamp_read(int fd, dev_t dev, ino_t ino, struct stamp *s)
{
    return fd >= 0 && kernel_is_multigrain() && is_multigrain(fd) && read_times(fd, dev, ino, s);
}

bool stamp_reread(int fd, const struct stamp *was, struct stamp *s)
{
    return fd >= 0 && read_times(fd, was->dev, was->ino, s);
}

bool stamp_same(const struct stamp *before, const struct stamp *now)
{
    int64_t jump = now->wall - before->wall;
    return before->dev == now->dev && before->ino == now->ino && before->sec == now->sec &&
           before->nsec == now->nsec && now->at_ms - before->at_ms < STAMP_LIFE_MS &&
           jump < WALL_SLACK_MS * NS_A_MS && jump > -WALL_SLACK_MS * NS_A_MS;
}
