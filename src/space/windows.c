/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * windows: see windows.h.
 */
#define _GNU_SOURCE
#include "space/windows.h"

#include "kernel/lock.h"
#include "kernel/pool.h"
#include "space/masters.h"
#include "space/zone.h"
#include "tell/status.h"

/* A window has room for the file to grow. Nothing is reserved, so room costs nothing. A file that
 * has outgrown a window gets more room, because it is likely to grow further. Small windows lie
 * close together, because each GiB in which something is mapped takes a page of page tables. */
#define ROOM 8
#define ROOM_AGAIN 64
#define SPAN_LEAST (128UL << 20)

static struct pool window_pool = POOL(struct window);
static struct pool group_pool = POOL(struct layers);

/* ---- layers ---- */

static uint32_t bit_of(const struct window *w)
{
    return 1u << w->layer % LAYERS_IN_GROUP;
}

struct layers *windows_group(const struct window *w)
{
    struct layers *g = w->file->layers;
    while (g->first != w->layer - w->layer % LAYERS_IN_GROUP)
        g = g->next;
    return g;
}

/* Joins neighbouring ranges with the same layers. */
static void join_around(struct tree *t, uint64_t start, uint64_t end)
{
    struct region *r = tree_from(t, start ? start - 1 : 0);
    while (r && r->after && r->start <= end) {
        if (r->end == r->after->start && r->kind == r->after->kind)
            tree_join(t, r);
        else
            r = r->after;
    }
}

static void fill_gap(struct tree *t, uint64_t start, uint64_t end, uint32_t layers)
{
    struct region *r = tree_add(t, start, end);
    if (r)
        r->kind = layers;
}

static void take(struct tree *t, uint64_t start, uint64_t end, uint32_t layer)
{
    uint64_t at = start;
    tree_split_at(t, start);
    tree_split_at(t, end);
    for (struct region *r = tree_from(t, start); r && r->start < end; r = r->after) {
        if (r->start > at)
            fill_gap(t, at, r->start, layer);
        r->kind |= layer;
        at = r->end;
    }
    if (at < end)
        fill_gap(t, at, end, layer);
    join_around(t, start, end);
}

bool windows_take(struct window *w, uint64_t start, uint64_t end)
{
    LOCK_ASSERT(&model_lock);
    struct layers *g = windows_group(w);
    if (g->tracked)
        take(&g->taken, start, end, bit_of(w));
    else if (g->present & (g->present - 1))
        return !(g->tracked = true);
    return true;
}

void windows_leave(struct window *w, uint64_t start, uint64_t end)
{
    LOCK_ASSERT(&model_lock);
    struct layers *g = windows_group(w);
    struct tree *t = &g->taken;
    if (!g->tracked)
        return;
    tree_split_at(t, start);
    tree_split_at(t, end);
    for (struct region *r = tree_from(t, start), *next; r && r->start < end; r = next) {
        next = r->after;
        r->kind &= ~bit_of(w);
        if (!r->kind)
            tree_remove(t, r);
    }
    join_around(t, start, end);
}

/* Gives w the lowest free number among the windows of its file. False where there is no memory. */
static bool add_layer(struct window *w)
{
    struct layers **at = &w->file->layers;
    unsigned first = 0;
    while (*at && (*at)->first == first && (*at)->present == UINT32_MAX) {
        at = &(*at)->next;
        first += LAYERS_IN_GROUP;
    }
    struct layers *g = *at;
    if (!g || g->first != first) {
        if (!(g = pool_take(&group_pool)))
            return false;
        g->first = first;
        g->next = *at;
        *at = g;
    }
    unsigned n = (unsigned)__builtin_ctz(~g->present);
    g->present |= 1u << n;
    g->at[n] = w;
    w->layer = first + n;
    return true;
}

/* Frees the number of w, which has no regions any more. */
static void remove_layer(struct window *w)
{
    struct layers *g = windows_group(w), **at = &w->file->layers;
    g->present &= ~bit_of(w);
    g->at[w->layer % LAYERS_IN_GROUP] = NULL;
    if (g->present)
        return;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    while (g->taken.root) /* a range that could not be split, where there was no memory */
        tree_remove(&g->taken, g->taken.root);
    pool_give(&group_pool, g);
}

uint32_t windows_free(const struct layers *g, uint64_t start, uint64_t end)
{
    uint32_t taken = 0;
    if (!g->tracked)
        return g->present;
    for (struct region *r = tree_from(&g->taken, start); r && r->start < end; r = r->after)
        if (((taken |= r->kind) & g->present) == g->present)
            break;
    return g->present & ~taken;
}

struct window *windows_from(const struct file *f, unsigned n)
{
    for (const struct layers *g = f->layers; g; g = g->next) {
        uint32_t left = g->present;
        if (n > g->first)
            left = n - g->first < LAYERS_IN_GROUP ? left >> (n - g->first) << (n - g->first) : 0;
        if (left)
            return g->at[__builtin_ctz(left)];
    }
    return NULL;
}

/* ---- windows ---- */

/* True if the first window of f ends before that offset. */
static bool outgrown(const struct file *f, uint64_t end)
{
    struct window *w = windows_from(f, 0);
    return w && w->span < end;
}

struct window *windows_add(struct file *f, uint64_t size, uint64_t end)
{
    LOCK_ASSERT(&model_lock);
    uint64_t need = size > end ? size : end;
    uint64_t limit = zone_longest();
    uint64_t room = outgrown(f, end) ? ROOM_AGAIN : ROOM;
    uint64_t span = need > limit / room ? limit : zone_round_up(room * need);
    if (end > limit)
        return NULL;
    if (span < SPAN_LEAST)
        span = SPAN_LEAST < limit ? SPAN_LEAST : limit;
    uintptr_t base = zone_pick(span);
    struct window *w = base ? pool_take(&window_pool) : NULL;
    if (!w)
        return NULL;
    w->file = f;
    w->base = base;
    w->span = span;
    w->users = 1;
    if (!add_layer(w)) {
        pool_give(&window_pool, w);
        return NULL;
    }
    f->users++;
    STATUS_ADD(windows, 1);
    return w;
}

void windows_hold(struct window *w)
{
    LOCK_ASSERT(&model_lock);
    w->users++;
    w->file->users++;
}

void windows_release(struct window *w)
{
    LOCK_ASSERT(&model_lock);
    struct file *f = w->file;
    f->users--;
    if (--w->users)
        return;
    remove_layer(w);
    pool_give(&window_pool, w);
    STATUS_ADD(windows, (uint64_t)-1);
    if (f->layers)
        return;
    masters_retire(f);
    f->longest = 0;
    files_remove_unused(f);
}
