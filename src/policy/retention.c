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

/* The window that the whole range belongs to as plain shared chunks, or NULL. Model lock held. */
static struct window *window_of(uintptr_t start, uintptr_t end)
{
    const uint32_t plain = REGION_SHARED | REGION_PROT | ~0U << REGION_OPEN_SHIFT;
    struct region *r = regions_from(start);
    struct window *w = r ? r->window : NULL;
    if (!w || !regions_cover(start, end))
        return NULL;
    for (; r && r->start < end; r = r->after)
        if (r->window != w || !(r->kind & REGION_SHARED) ||
            (r->kind & ~(plain & ~(uint32_t)REGION_CHANGING)))
            return NULL;
    return w;
}

/* Everything of w, which is idle, as a chain; the last piece takes the window with it. */
static struct region *cut_window(struct window *w)
{
    struct region *first = NULL, **last = &first;
    for (;;) {
        struct region *r = regions_from(w->base);
        while (r && r->start < w->base + w->span && r->window != w)
            r = r->after;
        if (!r || r->start >= w->base + w->span)
            return first;
        *last = regions_cut(r->start, r->end);
        last = &(*last)->left;
    }
}

struct region *retention_leftovers(struct region *chain)
{
    struct window *w = chain ? chain->window : NULL;
    return regions_held_bytes() && w && regions_idle(w) ? cut_window(w) : NULL;
}

void retention_unmap(struct region *chain)
{
    for (struct region *r = chain; r; r = r->left)
        if (sys_munmap(r->start, r->end - r->start) < 0)
            drop_pages(r->start, r->end);
    if (!chain || !lock_take(&model_lock))
        return;
    while (chain)
        chain = tree_drop(chain);
    lock_drop(&model_lock);
}

bool retention_keep(uintptr_t start, uintptr_t end)
{
    if (!lock_take(&model_lock))
        return false;
    struct window *w = window_of(start, end);
    struct region *idle = NULL;
    if (w) {
        regions_hold(start, end);
        struct region *r = regions_from(start);
        merge_settle(&r);
        if (regions_idle(w))
            idle = cut_window(w);
        count_add(0);
    }
    lock_drop(&model_lock);
    if (idle)
        retention_unmap(idle);
    else if (w)
        drop_pages(start, end);
    return w != NULL;
}

void retention_hold(struct region *chain, uintptr_t start, uintptr_t end)
{
    drop_pages(start, end);
    bool whole = sys_msync(start, end - start, MS_ASYNC) == 0; /* walks, and does nothing else */
    if (!lock_take(&model_lock))
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
    lock_drop(&model_lock);
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

static enum outcome give_one_back(uintptr_t *at, bool windows)
{
    if (!lock_take(&model_lock))
        return NONE_NEAR;
    struct region *r = next_held(at, windows);
    lock_drop(&model_lock);
    if (!r)
        return NONE_NEAR;
    bool gone = sys_munmap(r->start, r->end - r->start) == 0;
    lock_take(&model_lock);
    if (gone)
        tree_drop(r);
    else
        regions_restore(r, 0);
    count_add(gone ? 1 : 0); /* a hole may be two maps where one was */
    lock_drop(&model_lock);
    return gone ? GIVEN : REFUSED;
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
