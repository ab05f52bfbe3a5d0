/*
 * retention: see retention.h.
 */
#define _GNU_SOURCE
#include "policy/retention.h"

#include <sys/mman.h>

#include "base/sys.h"
#include "model/count.h"
#include "model/merge.h"
#include "model/model.h"
#include "model/pressure.h"

#define LOOK_AT 256   /* regions, a call */
#define GIVE_AT_MOST 16
#define WAIT_CALLS 64 /* after the kernel refused */

static void drop_pages(uintptr_t start, uintptr_t end)
{
    sys_madvise(start, end - start, MADV_DONTNEED);
}

/* The whole range is plain shared chunks of one window. Model lock held. */
static bool all_in_window(uintptr_t start, uintptr_t end)
{
    const uint32_t plain = REGION_SHARED | REGION_PROT | ~0U << REGION_OPEN_SHIFT;
    struct region *r = regions_from(start);
    struct window *w = r ? r->window : NULL;
    if (!w || !regions_cover(start, end))
        return false;
    for (; r && r->start < end; r = r->after)
        if (r->window != w || !(r->kind & REGION_SHARED) ||
            (r->kind & ~(plain & ~(uint32_t)REGION_CHANGING)))
            return false;
    return true;
}

/* All held ranges that are one map are one region, so that is_orphan need not look further. */
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

static bool may_keep(uintptr_t start, uintptr_t end)
{
    if (!model_take())
        return false;
    bool may = all_in_window(start, end);
    model_drop();
    return may;
}

/* Held, and one map with nothing. Neighbours that are held too are the same region. */
static bool is_orphan(const struct region *r)
{
    return (r->kind & REGION_HELD) && r->window && !(r->before && regions_one_map(r->before, r)) &&
           !(r->after && regions_one_map(r, r->after));
}

/* Those in the range or beside it, cut out, as a chain. */
static struct region *cut_orphans(uintptr_t start, uintptr_t end)
{
    struct region *chain = NULL, **last = &chain;
    for (struct region *r = regions_from(start ? start - 1 : 0), *next; r && r->start <= end;
         r = next) {
        next = r->after;
        if (is_orphan(r)) {
            *last = regions_cut(r->start, r->end);
            last = &(*last)->left;
        }
    }
    return chain;
}

static struct lock held_lock; /* before the model lock, see lock.h */

bool retention_enter(void)
{
    return regions_ever_held() && !model_mine() && lock_take(&held_lock);
}

void retention_leave(bool entered)
{
    if (entered)
        lock_drop(&held_lock);
}

void retention_after_fork(void)
{
    lock_reset(&held_lock);
}

static void unmap_orphans(uintptr_t start, uintptr_t end)
{
    if (!model_take())
        return;
    long before = regions_maps_around(start, end);
    struct region *chain = cut_orphans(start, end);
    count_add(regions_maps_around(start, end) - before);
    model_drop();
    for (struct region *r = chain; r; r = r->left)
        if (sys_munmap(r->start, r->end - r->start) < 0)
            drop_pages(r->start, r->end);
    if (!chain || !model_take())
        return;
    tree_drop_all(chain);
    model_drop();
}

void retention_tidy(uintptr_t start, uintptr_t end)
{
    if (!regions_held_bytes())
        return;
    bool entered = retention_enter();
    unmap_orphans(start, end);
    retention_leave(entered);
}

bool retention_keep(uintptr_t start, uintptr_t end)
{
    if (!may_keep(start, end))
        return false;
    drop_pages(start, end); /* while it is the program's: once held, it may go to somebody else */
    if (!model_take())
        return false;
    bool keep = all_in_window(start, end);
    if (keep) {
        regions_hold(start, end);
        settle(start, end);
    }
    model_drop();
    retention_tidy(start, end);
    return keep;
}

void retention_hold(struct region *chain, uintptr_t start, uintptr_t end)
{
    drop_pages(start, end);
    bool whole = sys_msync(start, end - start, MS_ASYNC) == 0; /* walks, and does nothing else */
    if (!model_take())
        return;
    regions_restore(chain, 0);
    /* What the model did not know, and is mapped: it has to be held under some name. */
    for (uintptr_t at = start; whole && at < end;) {
        struct region *r = regions_from(at);
        uintptr_t next = r && r->start < end ? r->start : end;
        if (next > at)
            regions_add(at, next, NULL, REGION_FOREIGN);
        at = r && r->end < end ? r->end : end;
        if (next == end)
            break;
    }
    regions_hold(start, end);
    model_drop();
    STATUS_ADD(held_back, 1);
}

void retention_widen(uintptr_t *start, uintptr_t *end)
{
    struct region *r;
    while ((r = regions_ending_at(*start)) && (r->kind & REGION_HELD))
        *start = r->start;
    while ((r = regions_starting_at(*end)) && (r->kind & REGION_HELD))
        *end = r->end;
}

/* The next held region at or behind *at, cut out; NULL if none among the next LOOK_AT. Those in
 * windows mostly stay, where a hole would cost a map: they go with a neighbour, or with the
 * window. */
static struct region *next_held(uintptr_t *at, bool windows)
{
    struct region *r = regions_from(*at);
    for (unsigned n = 0; r && n < LOOK_AT; n++, r = r->after) {
        *at = r->end;
        if ((r->kind & REGION_HELD) && (windows || !r->window))
            return regions_cut(r->start, r->end);
    }
    if (!r)
        *at = 0;
    return NULL;
}

enum outcome { GIVEN, REFUSED, NONE_NEAR };

static enum outcome give_one(uintptr_t *at, bool windows)
{
    if (!model_take())
        return NONE_NEAR;
    struct region *r = next_held(at, windows);
    model_drop();
    if (!r)
        return NONE_NEAR;
    bool gone = sys_munmap(r->start, r->end - r->start) == 0;
    model_take();
    if (gone)
        tree_drop(r);
    else
        regions_restore(r, 0);
    count_add(gone ? 1 : 0); /* a hole may be two maps where one was */
    model_drop();
    return gone ? GIVEN : REFUSED;
}

static enum outcome give_one_back(uintptr_t *at, bool windows)
{
    bool entered = retention_enter();
    enum outcome outcome = give_one(at, windows);
    retention_leave(entered);
    return outcome;
}

void retention_settle(void)
{
    static uintptr_t at;
    static unsigned wait;
    if (!regions_held_alone() || pressure_level() >= PRESSURE_HIGH)
        return;
    if (__atomic_load_n(&wait, __ATOMIC_RELAXED)) {
        __atomic_fetch_sub(&wait, 1, __ATOMIC_RELAXED);
        return;
    }
    uintptr_t from = __atomic_load_n(&at, __ATOMIC_RELAXED);
    enum outcome outcome = GIVEN;
    for (unsigned n = 0; outcome == GIVEN && n < GIVE_AT_MOST && regions_held_alone(); n++)
        outcome = give_one_back(&from, false);
    if (outcome == REFUSED)
        __atomic_store_n(&wait, WAIT_CALLS, __ATOMIC_RELAXED);
    __atomic_store_n(&at, from, __ATOMIC_RELAXED);
}

void retention_give_all_back(void)
{
    uintptr_t at = 0;
    do {
        give_one_back(&at, true);
    } while (at && regions_held_bytes());
}
