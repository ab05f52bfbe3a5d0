/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * taken: see taken.h.
 */
#define _GNU_SOURCE
#include "entry/taken.h"

#include <sys/mman.h>

#include "entry/gate.h"
#include "herd/guards.h"
#include "herd/retention.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "space/count.h"
#include "space/masters.h"
#include "space/model.h"
#include "space/pending.h"
#include "trace/leaks.h"

/* The regions, for a call after which none of them is left. A region alone is copied; a copy cannot
 * be put back with its pending error. Model lock held. */
static void cut(struct taken *t)
{
    t->under_way = true;
    if (!pending_any() && regions_take_one(t->start, t->end, &t->one)) {
        t->is_one = t->fewer = true;
        count_begin(-1);
        return;
    }
    long before = regions_vmas_around(t->start, t->end);
    bool known = regions_cover(t->start, t->end);
    t->regions = regions_cut(t->start, t->end);
    long more = regions_vmas_around(t->start, t->end) - before;
    t->fewer = more < 0;
    count_begin(more + (known ? 0 : 1));
}

/* Nothing is taken yet. t->one is not set: it is most of the struct, and is read only if is_one. */
static void clear(struct taken *t, uintptr_t start, uintptr_t end, bool goes)
{
    t->start = start;
    t->end = end;
    t->goes = goes;
    t->seen = t->under_way = t->is_one = t->fewer = false;
    t->regions = t->guards = t->guards_cut = t->cold = NULL;
    t->mappings = 0;
}

/* The record and the regions. The guards are left to the caller. */
static void begin(struct taken *t, uintptr_t start, uintptr_t end, bool goes)
{
    clear(t, start, end, goes);
    if (leaks_on())
        t->mappings = leaks_leave(start, end);
    if (goes && cold_tracks())
        t->cold = cold_cut(start, end);
    t->seen = gate_take(start, end);
    if (!t->seen)
        return;
    if (goes)
        cut(t);
    else
        t->regions = regions_cut(start, end);
    model_drop();
}

void taken_begin(struct taken *t, uintptr_t start, uintptr_t end)
{
    begin(t, start, end, true);
    if (t->seen && guards_any())
        t->guards = guards_take(start, end);
}

void taken_begin_move(struct taken *t, uintptr_t start, uintptr_t end, size_t new_len)
{
    if (start == end) { /* nothing moves: old_len was 0 */
        clear(t, start, end, false);
        return;
    }
    begin(t, start, end, false);
    if (!t->seen)
        return;
    if (new_len < end - start)
        t->guards_cut = guards_take(start + new_len, end);
    t->guards = guards_take(start, end);
}

/* The kernel has answered. Takes the model lock, if the model has a part in the end. */
static bool end_of_call(struct taken *t)
{
    if (t->under_way)
        count_ended();
    t->under_way = false;
    return (t->is_one || t->regions) && gate_take(t->start, t->end);
}

void taken_gone(struct taken *t)
{
    if (t->guards)
        guards_drop(t->guards);
    if (t->guards_cut)
        guards_drop(t->guards_cut);
    if (t->mappings)
        leaks_left(t->mappings);
    if (t->cold)
        cold_gone(t->cold);
    if (t->is_one) { /* nothing is left to drop */
        count_ended();
        return;
    }
    if (end_of_call(t)) {
        if (t->regions->window)
            masters_review(t->regions->window->file);
        regions_drop_all(t->regions);
        model_drop();
    }
}

/* msync(MS_ASYNC) does nothing but walk the range, and returns ENOMEM where a part of it is not
 * mapped (mm/msync.c). */
static bool is_mapped(const struct region *r)
{
    return sys_msync(r->start, r->end - r->start, MS_ASYNC) == 0;
}

/* Model lock held. */
static void put_back(struct taken *t, bool ask)
{
    long before = t->goes ? regions_vmas_around(t->start, t->end) : 0;
    if (t->is_one && (!ask || is_mapped(&t->one)))
        regions_add(t->start, t->end, NULL, t->one.kind);
    for (struct region *r = t->regions, *rest; r; r = rest) {
        rest = r->left;
        r->left = NULL;
        if (!ask || is_mapped(r))
            regions_restore(r, 0);
        else
            regions_drop(r);
    }
    long again = t->goes ? regions_vmas_around(t->start, t->end) - before : 0;
    count_add(again + (ask ? COUNT_CALL : 0)); /* a call that fails may leave its splits */
    t->is_one = false;
    t->regions = NULL;
}

void taken_stays(struct taken *t)
{
    size_t len = t->end - t->start;
    guards_put(t->guards, 0);
    guards_put(t->guards_cut, 0);
    leaks_stay(t->mappings, t->start, len, t->start, len);
    cold_stays(t->cold);
    if (end_of_call(t)) {
        put_back(t, true);
        model_drop();
    }
}

bool taken_is_retained(struct taken *t)
{
    /* A munmap that is refused for its split changes nothing. */
    if (end_of_call(t)) {
        put_back(t, false);
        model_drop();
    }
    if (!retention_retain_refused(t->start, t->end))
        return false;
    guards_drop(t->guards); /* all of the range is marked */
    leaks_left(t->mappings);
    cold_gone(t->cold);
    return true;
}

/* Holes between the regions are still holes, because the kernel moves ranges with holes where
 * nothing grows. Model lock held. */
static void move_regions(struct taken *t, uintptr_t to, size_t new_len)
{
    struct region *last = NULL, *first = t->regions;
    bool whole = first && !first->left && first->start == t->start && first->end == t->end;
    for (struct region *r = first, *rest; r; r = rest) {
        rest = r->left;
        r->left = NULL;
        if (r->start - t->start >= new_len) {
            regions_drop(r);
            continue;
        }
        if (r->end - t->start > new_len)
            r->end = t->start + new_len;
        last = r;
        regions_restore(r, (intptr_t)(to - t->start));
    }
    if (whole && last->end < to + new_len)
        regions_grow(last, to + new_len);
}

void taken_moved(struct taken *t, uintptr_t to, size_t new_len)
{
    guards_put(t->guards, (intptr_t)(to - t->start));
    guards_drop(t->guards_cut);
    leaks_stay(t->mappings, t->start, t->end - t->start, to, new_len);
    if (!t->seen || !gate_take(t->start, t->end))
        return;
    move_regions(t, to, new_len);
    pending_move(t->start, t->end, (intptr_t)(to - t->start));
    count_add(3); /* a split at each end of the old place, and the new VMA */
    model_drop();
}

void taken_left_behind(struct taken *t, uintptr_t to)
{
    size_t len = t->end - t->start;
    guards_put(t->guards, (intptr_t)(to - t->start));
    guards_drop(t->guards_cut);
    leaks_stay(t->mappings, t->start, len, t->start, len);
    if (end_of_call(t)) {
        put_back(t, false);
        model_drop();
    }
}
