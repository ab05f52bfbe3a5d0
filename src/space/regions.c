/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * regions: the tree of what is mapped, and which regions are alike.
 */
#define _GNU_SOURCE
#include "space/regions.h"

#include <errno.h>
#include <sys/mman.h>

#include "common/due.h"
#include "common/pages.h"
#include "kernel/lock.h"
#include "kernel/sys.h"
#include "space/holds.h"
#include "space/masters.h"
#include "space/pending.h"
#include "tell/status.h"

static void hold(const struct region *r)
{
    if (r->window)
        windows_hold(r->window);
    if (r->lone)
        files_hold_lone(r->lone);
    holds_add(r->keep);
}

static void release(const struct region *r)
{
    if (r->window)
        windows_release(r->window);
    if (r->lone)
        files_release_lone(r->lone);
    if (r->keep)
        holds_drop(r->keep);
}

static struct tree mapped = { .copied = hold, .dropped = release };
struct retained_sums regions_sums;

/* Adds len to the sums over all regions: the retained bytes, and the bytes that a file uses in its
 * windows. */
static void note(const struct region *r, size_t len)
{
    if (r->kind & REGION_RETAINED) {
        regions_sums.bytes += len;
        __atomic_store_n(&regions_sums.ever, true, __ATOMIC_RELAXED);
        if (!r->window) {
            regions_sums.alone += len;
            due_set(DUE_RETENTION);
        }
        STATUS_SET(held_bytes, regions_sums.bytes);
        STATUS_SET(held_tables, regions_sums.bytes / page_size * sizeof(uint64_t));
    } else if (r->window) {
        r->window->file->used += len;
    }
}

/* Notes in which layer of its file the region is. False: see windows_take. */
static bool take(const struct region *r)
{
    return !r->window || (r->kind & REGION_RETAINED) ||
           windows_take(r->window, region_offset(r), region_offset(r) + (r->end - r->start));
}

static void take_all(const struct window *w)
{
    for (struct region *r = regions_from(w->base); r && r->start < w->base + w->span; r = r->after)
        if (r->window == w)
            take(r);
}

static void note_here(const struct region *r)
{
    if (!r->window && !(r->kind & REGION_RETAINED))
        return; /* no sum and no layer has it */
    note(r, r->end - r->start);
    if (take(r))
        return;
    const struct layers *g = windows_group(r->window);
    for (uint32_t left = g->present; left; left &= left - 1)
        take_all(g->at[__builtin_ctz(left)]);
}

static void note_gone(const struct region *r)
{
    note(r, 0 - (r->end - r->start));
    if (!r->window)
        return;
    files_note_unmap(r->window->file); /* also where it was retained: a sync may go over it */
    if (!(r->kind & REGION_RETAINED))
        windows_leave(r->window, region_offset(r), region_offset(r) + (r->end - r->start));
}

size_t regions_total(void)
{
    return mapped.total;
}

struct region *regions_from(uintptr_t addr)
{
    LOCK_ASSERT(&model_lock);
    return tree_from(&mapped, addr);
}

struct region *regions_ending_at(uintptr_t addr)
{
    LOCK_ASSERT(&model_lock);
    struct region *r = addr ? tree_floor(&mapped, addr - 1) : NULL;
    return r && r->end == addr ? r : NULL;
}

struct region *regions_starting_at(uintptr_t addr)
{
    LOCK_ASSERT(&model_lock);
    struct region *r = tree_floor(&mapped, addr);
    return r && r->start == addr ? r : NULL;
}

bool regions_free(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    struct region *r = regions_from(start);
    return !r || r->start >= end;
}

bool regions_cover(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    for (struct region *r = regions_from(start); r && r->start <= start; r = r->after) {
        if (r->end >= end)
            return true;
        start = r->end;
    }
    return false;
}

bool regions_take_one(uintptr_t start, uintptr_t end, struct region *copy)
{
    LOCK_ASSERT(&model_lock);
    struct region *r = tree_floor(&mapped, start);
    if (!r || r->start != start || r->end != end || r->window || r->keep ||
        (r->kind & (REGION_RETAINED | REGION_OVERLAID)) ||
        (r->before && regions_one_vma(r->before, r)) || (r->after && regions_one_vma(r, r->after)))
        return false;
    *copy = *r;
    if (r->after && r->after->start == end)
        r->after->joined_below = false;
    tree_remove(&mapped, r);
    STATUS_SET(regions, mapped.total);
    return true;
}

struct region *regions_cut(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    struct region *chain = tree_cut(&mapped, start, end), *last = chain;
    for (struct region *r = chain; r; last = r, r = r->left)
        note_gone(r);
    struct region *above = chain ? regions_starting_at(end) : NULL;
    if (above && above->joined_below) {
        last->joined_above = last->end == end;
        above->joined_below = false;
    }
    STATUS_SET(regions, mapped.total);
    return chain;
}

void regions_forget(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    regions_drop_all(regions_cut(start, end));
}

struct region *regions_drop(struct region *piece)
{
    LOCK_ASSERT(&model_lock);
    return tree_drop(&mapped, piece);
}

void regions_drop_all(struct region *chain)
{
    LOCK_ASSERT(&model_lock);
    tree_drop_all(&mapped, chain);
}

/* A region is mapped (model.h), so where the kernel finds a hole, no hook has seen the unmapping.
 * MS_ASYNC only walks the range, and returns ENOMEM for a hole (mm/msync.c). */
void regions_forget_gone(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    for (struct region *r = regions_from(start), *next; r && r->start < end; r = next) {
        uintptr_t from = r->start > start ? r->start : start, to = r->end < end ? r->end : end;
        next = r->after;
        if (from < to && !(r->kind & (REGION_RETAINED | REGION_OVERLAID)) &&
            sys_msync(from, to - from, MS_ASYNC) == -ENOMEM)
            regions_forget(from, to);
    }
}

void regions_restore(struct region *chain, intptr_t delta)
{
    LOCK_ASSERT(&model_lock);
    while (chain) {
        struct region *r = chain;
        chain = r->left;
        r->start += (uintptr_t)delta;
        r->end += (uintptr_t)delta;
        if (delta)
            r->joined_below = r->joined_above = false;
        if (delta && r->window) {
            windows_release(r->window);
            r->window = NULL;
        }
        regions_forget(r->start, r->end);
        tree_insert(&mapped, r);
        note_here(r);
        if (!delta && r->joined_above && r->after && r->after->start == r->end)
            r->after->joined_below = true;
        r->joined_above = false;
        STATUS_SET(regions, mapped.total);
    }
}

struct region *regions_add(uintptr_t start, uintptr_t end, struct window *window, uint32_t kind)
{
    LOCK_ASSERT(&model_lock);
    if (!regions_free(start, end))
        regions_forget(start, end);
    if (pending_any())
        pending_forget(start, end);
    struct region *r = tree_add(&mapped, start, end);
    if (!r)
        return NULL;
    r->window = window;
    r->kind = kind;
    if (window)
        windows_hold(window);
    note_here(r);
    STATUS_SET(regions, mapped.total);
    return r;
}

void regions_grow(struct region *r, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    if (r->after && r->after->start < end)
        regions_forget(r->end, end);
    pending_forget(r->end, end);
    note_gone(r);
    r->end = end;
    note_here(r);
}

/* Private memory that was written to while it was split may never be one VMA again (mm/vma.c,
 * is_mergeable_anon_vma). So it is no longer known to be one, and the kernel has to be asked. */
static void tear(struct region *r)
{
    r->joined_below = false;
    if (r->after)
        r->after->joined_below = false;
}

void regions_change(uintptr_t start, uintptr_t end, uint32_t clear, uint32_t set)
{
    LOCK_ASSERT(&model_lock);
    tree_split_at(&mapped, start);
    tree_split_at(&mapped, end);
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after) {
        uint32_t was = r->kind, is = (was & ~clear) | set;
        if ((was ^ is) & REGION_RETAINED) {
            note_gone(r);
            r->kind = is;
            note_here(r);
        }
        r->kind = is;
        if (((was ^ r->kind) & ~(REGION_CHANGING | REGION_RETAINED | REGION_OVERLAID)) &&
            !(was & REGION_SHARED))
            tear(r);
    }
    STATUS_SET(regions, mapped.total);
}

void regions_set_overlay(uintptr_t start, uintptr_t end, unsigned overlay)
{
    LOCK_ASSERT(&model_lock);
    regions_change(start, end, overlay ? 0 : REGION_OVERLAID, overlay ? REGION_OVERLAID : 0);
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after)
        r->overlay = (uint8_t)overlay;
}

void regions_set_keep(uintptr_t start, uintptr_t end, unsigned keep)
{
    LOCK_ASSERT(&model_lock);
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after) {
        if (r->keep)
            continue;
        r->keep = (uint8_t)keep;
        holds_add(keep);
    }
}

struct region *regions_overlaid(uintptr_t addr, unsigned overlay)
{
    LOCK_ASSERT(&model_lock);
    struct region *r = regions_from(addr);
    while (r && (!(r->kind & REGION_OVERLAID) || r->overlay != overlay))
        r = r->after;
    return r;
}

void regions_retain(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    regions_change(start, end, 0, REGION_RETAINED);
}

bool regions_retained_alike(uintptr_t start, uintptr_t end, const struct window *w, uint32_t kind)
{
    LOCK_ASSERT(&model_lock);
    if (!regions_sums.bytes || !regions_cover(start, end))
        return false;
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after)
        if (r->window != w || r->kind != (kind | REGION_RETAINED))
            return false;
    return true;
}

bool regions_mergeable(const struct region *a, const struct region *b)
{
    return !((a->kind ^ b->kind) & ~(uint32_t)REGION_RETAINED) &&
           !(a->kind & (REGION_FOREIGN | REGION_CHANGING | REGION_OVERLAID)) &&
           a->window == b->window && (a->window || (a->kind & REGION_ANONYMOUS));
}

bool regions_alike(const struct region *a, const struct region *b)
{
    return a->kind == b->kind && regions_mergeable(a, b);
}

void regions_join(struct region *r)
{
    LOCK_ASSERT(&model_lock);
    if (!r->keep) { /* r takes over the hold */
        r->keep = r->after->keep;
        r->after->keep = 0;
    }
    tree_join(&mapped, r);
    STATUS_SET(regions, mapped.total);
}

bool regions_one_vma(const struct region *a, const struct region *b)
{
    return b->joined_below && a->end == b->start && regions_mergeable(a, b);
}

long regions_vmas_around(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    struct region *r = regions_from(start ? start - 1 : 0), *below = NULL;
    long maps = (long)masters_total();
    for (; r && r->start <= end; below = r, r = r->after)
        maps += !below || !regions_one_vma(below, r);
    return maps;
}

void regions_adopt(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    for (struct region *r = regions_from(start); r && r->start >= start && r->after;) {
        struct region *next = r->after;
        if (next->end > end)
            return;
        if (next->start == r->end && regions_mergeable(r, next))
            next->joined_below = true;
        if (next->joined_below && next->start == r->end && regions_alike(r, next))
            regions_join(r);
        else
            r = next;
    }
}
