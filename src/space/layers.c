/*
 * layers: see layers.h.
 */
#define _GNU_SOURCE
#include "space/layers.h"

#include "kernel/pool.h"
#include "space/regions.h"

static struct pool group_pool = POOL(struct layers);

static uint32_t bit_of(const struct window *w)
{
    return 1u << w->layer % LAYERS_IN_GROUP;
}

static struct layers *group_of(const struct window *w)
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

void layers_take(struct window *w, uint64_t start, uint64_t end)
{
    struct layers *g = group_of(w);
    if (g->tracked)
        take(&g->taken, start, end, bit_of(w));
}

void layers_leave(struct window *w, uint64_t start, uint64_t end)
{
    struct layers *g = group_of(w);
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

/* Fills the tree with what the only window of the group has mapped so far. */
static void track(struct layers *g)
{
    struct window *w = g->at[__builtin_ctz(g->present)];
    g->tracked = true;
    for (struct region *r = regions_from(w->base); r && r->start < w->base + w->span; r = r->after)
        if (r->window == w && !(r->kind & REGION_RETAINED))
            take(&g->taken, region_offset(r), region_offset(r) + (r->end - r->start), bit_of(w));
}

bool layers_add(struct window *w)
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
    if (g->present && !g->tracked)
        track(g);
    unsigned n = (unsigned)__builtin_ctz(~g->present);
    g->present |= 1u << n;
    g->at[n] = w;
    w->layer = first + n;
    return true;
}

void layers_remove(struct window *w)
{
    struct layers *g = group_of(w), **at = &w->file->layers;
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

uint32_t layers_free(const struct layers *g, uint64_t start, uint64_t end)
{
    uint32_t taken = 0;
    if (!g->tracked)
        return g->present;
    for (struct region *r = tree_from(&g->taken, start); r && r->start < end; r = r->after)
        if (((taken |= r->kind) & g->present) == g->present)
            break;
    return g->present & ~taken;
}

struct window *layers_from(const struct file *f, unsigned n)
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
