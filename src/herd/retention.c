/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * retention: see retention.h.
 */
#define _GNU_SOURCE
#include "herd/retention.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common/pages.h"
#include "kernel/canary.h"
#include "kernel/markers.h"
#include "kernel/newer.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/merge.h"
#include "space/model.h"
#include "space/pressure.h"
#include "tell/status.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define LOOK_AT 256     /* regions, in one call of retention_settle */
#define GIVE_AT_MOST 16 /* ranges, in one call */
#define WAIT_CALLS 64   /* after the kernel has refused a split */

/* At most so many bytes are retained to spare one split: they cost up to eight pages of page
 * tables, and a few microseconds for each MiB. */
#define PIECE_MAX (16UL << 20)

/* The whole range consists of plain shared chunks of one window. Model lock held. */
static bool all_in_window(uintptr_t start, uintptr_t end)
{
    const uint32_t opens = ~0U << REGION_OPEN_SHIFT;
    const uint32_t plain = REGION_SHARED | REGION_NORESERVE | REGION_PROT |
                           (opens & ~(REGION_RETAINED | REGION_CHANGING | REGION_OVERLAID));
    struct region *r = regions_from(start);
    struct window *w = r ? r->window : NULL;
    if (!w || !regions_cover(start, end))
        return false;
    for (; r && r->start < end; r = r->after)
        if (r->window != w || !(r->kind & REGION_SHARED) || (r->kind & ~plain))
            return false;
    return true;
}

/* Retained ranges that are one VMA become one region. */
static void settle(uintptr_t start, uintptr_t end)
{
    struct region *r = regions_from(start);
    while (r && r->start < end) {
        size_t total = regions_total();
        merge_settle(&r);
        if (regions_total() == total)
            r = r->after;
    }
}

/* The range lies inside one VMA: munmap of it would make two. */
static bool inside_one(uintptr_t start, uintptr_t end)
{
    return merge_one_vma(start - page_size, end + page_size);
}

/* A retained range counts as address space; without mapherd it would not. */
static bool limits_space(void)
{
    return sys_rlimit(RLIMIT_AS) != RLIM_INFINITY;
}

bool retention_retain(uintptr_t start, uintptr_t end)
{
    if (end - start > PIECE_MAX || !markers_shown() || limits_space() || !model_take())
        return false;
    bool retain = all_in_window(start, end) && retained_room(end - start) && inside_one(start, end);
    model_drop();
    if (!retain || markers_put(start, end) < 0 || !model_take())
        return false;
    retain = all_in_window(start, end);
    if (retain) {
        regions_retain(start, end);
        settle(start, end);
    }
    model_drop();
    return retain;
}

/*
 * Maps a gap, which was free a moment ago, without access, marks it, and only then gives it the
 * protection of its neighbours: so no access goes through it at any moment. No other thread uses it
 * before it is in the model. It is unmapped if it did not become one VMA with both neighbours.
 */
static void fill_gap(const struct map_request *q, struct window *w, uint32_t kind, uintptr_t start,
                     uintptr_t end)
{
    size_t len = end - start;
    if (start >= end || len > PIECE_MAX || !retained_room(len))
        return;
    long at = sys_mmap(start, len, PROT_NONE, (q->flags & ~MAP_POPULATE) | MAP_FIXED_NOREPLACE,
                       q->fd, (off_t)(start - w->base));
    if (sys_failed(at))
        return;
    bool done =
        at == (long)start && markers_put(start, end) == 0 && sys_mprotect(start, len, q->prot) == 0;
    if (done && model_take()) {
        done = inside_one(start, end) && regions_add(start, end, w, kind | REGION_RETAINED);
        if (done)
            settle(start - 1, end);
        model_drop();
    }
    if (!done)
        sys_munmap((uintptr_t)at, len);
}

/* beside is of the same window, and a gap can join r with it. */
static bool joins(const struct region *r, const struct region *beside)
{
    return beside && beside->window == r->window &&
           !((beside->kind ^ r->kind) & ~(uint32_t)REGION_RETAINED);
}

void retention_fill(const struct map_request *q, uintptr_t start, uintptr_t end)
{
    if (!markers_shown() || !model_take())
        return;
    struct region *r = regions_from(start);
    if (!r || r->start > start || r->end < end || !all_in_window(start, end)) {
        model_drop();
        return;
    }
    struct window *w = r->window;
    uint32_t kind = r->kind;
    uintptr_t below = joins(r, r->before) ? r->before->end : r->start;
    uintptr_t above = joins(r, r->after) ? r->after->start : r->end;
    start = r->start;
    end = r->end;
    windows_hold(w);
    model_drop();
    if ((below < start || end < above) && !limits_space()) {
        fill_gap(q, w, kind, below, start);
        fill_gap(q, w, kind, end, above);
    }
    if (model_take()) {
        windows_release(w);
        model_drop();
    }
}

bool retention_retain_refused(uintptr_t start, uintptr_t end)
{
    /* The kernel refuses munmap only in the middle of one VMA, and in one VMA it installs all
     * markers or none. Markers drop the pages, so the kernel is asked whether it still is one. */
    if (!markers_shown() || !retained_room(end - start) || !merge_one_vma(start, end) ||
        markers_put(start, end) < 0 || !model_take())
        return false;
    /* Parts that the model did not know are mapped too: they become regions of unknown kind. */
    for (uintptr_t at = start; at < end;) {
        struct region *r = regions_from(at);
        uintptr_t next = r && r->start < end ? r->start : end;
        if (next > at)
            regions_add(at, next, NULL, REGION_FOREIGN);
        at = r && r->end < end ? r->end : end;
        if (next == end)
            break;
    }
    regions_retain(start, end);
    model_drop();
    STATUS_ADD(held_back, 1);
    return true;
}

/* Cuts the first retained region in the range, or beside it, that spares no split out of the
 * model. */
static struct region *cut_needless(uintptr_t start, uintptr_t end)
{
    if (!model_take())
        return NULL;
    struct region *r = regions_from(start ? start - 1 : 0);
    while (r && r->start <= end && (!(r->kind & REGION_RETAINED) || inside_one(r->start, r->end)))
        r = r->after;
    r = r && r->start <= end ? regions_cut(r->start, r->end) : NULL;
    model_drop();
    return r;
}

/* A piece that goes may make the one beside it needless: the range grows by it. */
void retention_tidy(uintptr_t start, uintptr_t end)
{
    if (!regions_retained_bytes())
        return;
    bool entered = retained_enter();
    struct region *r;
    while (entered && (r = cut_needless(start, end))) {
        start = r->start < start ? r->start : start;
        end = r->end > end ? r->end : end;
        if (retained_give(r) == RETAINED_REFUSED)
            break;
    }
    retained_leave(entered);
}

/* Cuts the next retained region at or above *at out; NULL if none of the next LOOK_AT regions is
 * one. Regions in windows mostly stay, because a hole would cost a VMA: they go with a
 * neighbour. */
static struct region *next_retained(uintptr_t *at, bool windows)
{
    struct region *r = regions_from(*at);
    for (unsigned n = 0; r && n < LOOK_AT; n++, r = r->after) {
        *at = r->end;
        if ((r->kind & REGION_RETAINED) && (windows || !r->window))
            return regions_cut(r->start, r->end);
    }
    if (!r)
        *at = 0;
    return NULL;
}

static enum retained_outcome give_one_back(uintptr_t *at, bool windows)
{
    bool entered = retained_enter();
    struct region *r = NULL;
    if (entered && model_take()) {
        r = next_retained(at, windows);
        model_drop();
    }
    enum retained_outcome outcome = r ? retained_give(r) : RETAINED_NONE;
    retained_leave(entered);
    return outcome;
}

bool retention_settle(void)
{
    static uintptr_t at;
    static unsigned wait;
    if (!regions_retained_alone())
        return false;
    if (pressure_level() >= PRESSURE_HIGH)
        return true;
    if (__atomic_load_n(&wait, __ATOMIC_RELAXED)) {
        __atomic_fetch_sub(&wait, 1, __ATOMIC_RELAXED);
        return true;
    }
    uintptr_t from = __atomic_load_n(&at, __ATOMIC_RELAXED);
    enum retained_outcome outcome = RETAINED_GONE;
    for (unsigned n = 0; outcome == RETAINED_GONE && n < GIVE_AT_MOST && regions_retained_alone();
         n++)
        outcome = give_one_back(&from, false);
    if (outcome == RETAINED_REFUSED)
        __atomic_store_n(&wait, WAIT_CALLS, __ATOMIC_RELAXED);
    __atomic_store_n(&at, from, __ATOMIC_RELAXED);
    return regions_retained_alone();
}

void retention_give_all_back(void)
{
    uintptr_t at = 0;
    if (!regions_retained_bytes() || model_mine())
        return;
    do {
        give_one_back(&at, true);
    } while (at && regions_retained_bytes());
}

/* A retained range is locked. MADV_COLD returns EINVAL for locked memory, and does nothing where
 * there is no page (space/masters.c). */
static bool retains_locked(void)
{
    if (sys_rlimit(RLIMIT_MEMLOCK) == RLIM_INFINITY || !model_take())
        return false;
    struct region *r = regions_from(0);
    while (r && !(r->kind & REGION_RETAINED))
        r = r->after;
    bool locked = r && sys_madvise(r->start, r->end - r->start, MADV_COLD) == -EINVAL;
    model_drop();
    return locked;
}

bool retention_makes_room(long answer)
{
    size_t before = regions_retained_bytes();
    if ((answer != -ENOMEM && answer != -EAGAIN) || !before || model_mine() || canary_at_limit() ||
        (!limits_space() && !retains_locked()))
        return false;
    retention_give_all_back();
    return regions_retained_bytes() < before;
}

/* ---- retained ranges ---- */

#define SHARE 64 /* of the machine's memory, for page tables of retained ranges */

static struct lock retained_lock = { .rank =
                                         LOCK_RETAINED }; /* before the model lock, see lock.h */
static uint64_t owners_mask; /* the signal mask that its owner gets back */

bool retained_enter(void)
{
    if (!regions_ever_retained() || model_mine() || lock_mine(&retained_lock))
        return false;
    uint64_t before = sys_block_signals();
    lock_take(&retained_lock);
    owners_mask = before;
    return true;
}

void retained_leave(bool entered)
{
    if (!entered)
        return;
    uint64_t before = owners_mask;
    lock_drop(&retained_lock);
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
}

void retained_after_fork(void)
{
    lock_reset(&retained_lock);
}

bool retained_room(size_t len)
{
    static uint64_t most;
    uint64_t bytes = __atomic_load_n(&most, __ATOMIC_RELAXED);
    if (!bytes) {
        bytes = sys_memory() / SHARE / sizeof(uint64_t) * page_size;
        __atomic_store_n(&most, bytes, __ATOMIC_RELAXED);
    }
    return len <= bytes && regions_retained_bytes() <= bytes - len;
}

enum retained_outcome retained_give(struct region *r)
{
    LOCK_ASSERT(&retained_lock);
    bool ours = markers_all_over(r->start, r->end);
    bool gone = ours && sys_munmap(r->start, r->end - r->start) == 0;
    if (!model_take())
        return RETAINED_NONE;
    if (ours && !gone)
        regions_restore(r, 0);
    else
        regions_drop(r);
    count_add(gone ? 1 : 0); /* munmap may have made two VMAs of one */
    model_drop();
    return ours && !gone ? RETAINED_REFUSED : RETAINED_GONE;
}

/* Cuts the first retained part of the range out of the model. NULL: there is none. */
static struct region *cut_retained(uintptr_t start, uintptr_t end)
{
    if (!model_take())
        return NULL;
    struct region *r = regions_from(start);
    while (r && r->start < end && !(r->kind & REGION_RETAINED))
        r = r->after;
    if (r && r->start < end)
        r = regions_cut(r->start > start ? r->start : start, r->end < end ? r->end : end);
    else
        r = NULL;
    model_drop();
    return r;
}

bool retained_vacate(uintptr_t start, uintptr_t end)
{
    bool entered = retained_enter(), free = true;
    struct region *r;
    while (entered && free && (r = cut_retained(start, end)))
        free = retained_give(r) != RETAINED_REFUSED;
    retained_leave(entered);
    return free;
}
