/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * stamps: a file's ctime, and whether the kernel's timestamps are fine enough. See stamps.h.
 *
 * In doubt the answer is that the file was stored to. That costs one sync; the other answer could
 * cost the program's data.
 */
#define _GNU_SOURCE
#include "sync/stamps.h"

#include <sys/mman.h>
#include <time.h>

#include "kernel/brief.h"
#include "kernel/lock.h"
#include "kernel/mounts.h"
#include "kernel/sys.h"
#include "space/regions.h"
#include "tell/status.h"

#define NS_A_MS 1000000
#define NS_A_S 1000000000
#define WALL_SLACK_MS 50 /* adjtime slews the clock by half a millisecond a second at most */

static int64_t clock_of(int clock)
{
    return (int64_t)sys_clock_ns(clock);
}

/* btrfs has fine ones too, but for it nothing is stamped (sync.c, pays). ext2 has ext4's number:
 * its stamps, and those of small inodes, are whole seconds, which read_times refuses. */
bool stamps_differ_on(long fs_type)
{
    return fs_type == EXT4_SUPER_MAGIC || fs_type == XFS_SUPER_MAGIC;
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

/* The clock that timestamps are taken from has gone past the ctime, so no later change gives the
 * same one. Within the tick, two changes at the same moment can put it back (doc/sync.md). */
static bool tick_is_over(const struct stamp *s)
{
    return clock_of(CLOCK_REALTIME_COARSE) > s->sec * NS_A_S + s->nsec;
}

bool stamp_read(int fd, dev_t dev, ino_t ino, struct stamp *s)
{
    return fd >= 0 && kernel_is_multigrain() && read_times(fd, dev, ino, s) && tick_is_over(s);
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

/* ---- a fence ---- */

/* Two changes of advice for each VMA. */

#define MAPS_MAX 64 /* fencing more would cost more than the sync that is skipped */

/* A store through this region may be one to f. Without a window the file is not known. */
static bool concerns(const struct region *r, const struct file *f)
{
    return (r->kind & (REGION_SHARED | REGION_ANONYMOUS)) == REGION_SHARED &&
           (!r->window || r->window->file == f);
}

static bool same_map(const struct region *a, const struct region *b)
{
    const uint32_t advice = REGION_RANDOM | REGION_SEQUENTIAL;
    return regions_one_vma(a, b) && (a->kind & advice) == (b->kind & advice);
}

/* Gives the VMA another advice than its own, and then its own again. */
static bool fence_map(uintptr_t start, uintptr_t end, uint32_t kind)
{
    int own = kind & REGION_RANDOM       ? MADV_RANDOM
              : kind & REGION_SEQUENTIAL ? MADV_SEQUENTIAL
                                         : MADV_NORMAL;
    int other = own == MADV_RANDOM ? MADV_SEQUENTIAL : MADV_RANDOM;
    bool done = sys_madvise(start, end - start, other) == 0;
    /* After a failure too, because the kernel may have stopped half way. */
    if (sys_madvise(start, end - start, own) != 0)
        regions_change(start, end, 0, REGION_FOREIGN);
    return done;
}

/* The model knows all mappings of the file. It does not if it has forgotten one, or if a signal
 * handler has made one unseen. Spilled pages go back to their file through an alias, which is no
 * region. */
static bool all_known(void)
{
    const struct mapherd_status *s = &mapherd_status_block;
    return !s->forgotten && !s->unseen && !s->spilled && !s->converted;
}

bool fence_file(const struct file *f)
{
    LOCK_ASSERT(&model_lock);
    unsigned maps = 0;
    if (!all_known())
        return false;
    for (struct region *r = regions_from(0), *last; r; r = last->after) {
        last = r;
        if (!concerns(r, f))
            continue;
        if ((r->kind & (REGION_CHANGING | REGION_FOREIGN)) || ++maps > MAPS_MAX)
            return false;
        while (last->after && same_map(last, last->after) && concerns(last->after, f) &&
               !(last->after->kind & (REGION_CHANGING | REGION_FOREIGN)))
            last = last->after;
        uintptr_t end = last->end;
        if (!fence_map(r->start, end, r->kind))
            return false;
        last = regions_from(end - 1);
    }
    return true;
}
