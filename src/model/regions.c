/*
 * regions: a treap (a search tree by address, a heap by random priority) whose nodes are also a
 * list. Everything is a loop: handlers run on small stacks.
 */
#define _GNU_SOURCE
#include "model/regions.h"

#include "base/pool.h"
#include "model/model.h"

static struct pool region_pool = POOL(struct region);
static struct region *root;
static size_t total;

size_t regions_total(void)
{
    return total;
}

/* xorshift32: balance needs no more. */
static uint32_t next_priority(void)
{
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* The last region that starts at or before addr. */
static struct region *floor_of(uintptr_t addr)
{
    struct region *found = NULL;
    for (struct region *r = root; r;) {
        if (r->start <= addr) {
            found = r;
            r = r->right;
        } else {
            r = r->left;
        }
    }
    return found;
}

static struct region *first(void)
{
    struct region *r = root;
    while (r && r->left)
        r = r->left;
    return r;
}

struct region *regions_from(uintptr_t addr)
{
    struct region *r = floor_of(addr);
    if (!r)
        return first();
    return r->end > addr ? r : r->after;
}

struct region *regions_ending_at(uintptr_t addr)
{
    struct region *r = addr ? floor_of(addr - 1) : NULL;
    return r && r->end == addr ? r : NULL;
}

struct region *regions_starting_at(uintptr_t addr)
{
    struct region *r = floor_of(addr);
    return r && r->start == addr ? r : NULL;
}

bool regions_free(uintptr_t start, uintptr_t end)
{
    struct region *r = regions_from(start);
    return !r || r->start >= end;
}

bool regions_cover(uintptr_t start, uintptr_t end)
{
    for (struct region *r = regions_from(start); r && r->start <= start; r = r->after) {
        if (r->end >= end)
            return true;
        start = r->end;
    }
    return false;
}

static void split(struct region *tree, uintptr_t addr, struct region **below, struct region **above)
{
    while (tree) {
        if (tree->start < addr) {
            *below = tree;
            below = &tree->right;
            tree = tree->right;
        } else {
            *above = tree;
            above = &tree->left;
            tree = tree->left;
        }
    }
    *below = *above = NULL;
}

static struct region *merge(struct region *below, struct region *above)
{
    struct region *tree, **at = &tree;
    while (below && above) {
        if (below->priority > above->priority) {
            *at = below;
            at = &below->right;
            below = below->right;
        } else {
            *at = above;
            at = &above->left;
            above = above->left;
        }
    }
    *at = below ? below : above;
    return tree;
}

static void link_in(struct region *r)
{
    r->before = floor_of(r->start);
    r->after = r->before ? r->before->after : first();
    if (r->before)
        r->before->after = r;
    if (r->after)
        r->after->before = r;
    r->priority = next_priority();
    struct region **at = &root;
    while (*at && (*at)->priority >= r->priority)
        at = r->start < (*at)->start ? &(*at)->left : &(*at)->right;
    split(*at, r->start, &r->left, &r->right);
    *at = r;
    STATUS_SET(regions, ++total);
}

static void link_out(struct region *r)
{
    struct region **at = &root;
    while (*at != r)
        at = r->start < (*at)->start ? &(*at)->left : &(*at)->right;
    *at = merge(r->left, r->right);
    if (r->before)
        r->before->after = r->after;
    if (r->after)
        r->after->before = r->before;
    STATUS_SET(regions, --total);
}

static void release(struct region *r)
{
    if (r->window)
        windows_release(r->window);
    pool_give(&region_pool, r);
}

/* Makes addr, inside r, a border. Without memory the upper part is forgotten. */
static void split_region(struct region *r, uintptr_t addr)
{
    struct region *upper = pool_take(&region_pool);
    uintptr_t end = r->end;
    r->end = addr;
    if (!upper) {
        STATUS_ADD(forgotten, 1);
        return;
    }
    upper->start = addr;
    upper->end = end;
    upper->window = r->window;
    upper->kind = r->kind;
    upper->mastered = r->mastered;
    if (upper->window)
        windows_hold(upper->window);
    link_in(upper);
}

static void border(uintptr_t addr)
{
    struct region *r = floor_of(addr);
    if (r && r->start < addr && r->end > addr)
        split_region(r, addr);
}

struct region *regions_cut(uintptr_t start, uintptr_t end)
{
    struct region *chain = NULL, **last = &chain;
    border(start);
    border(end);
    for (struct region *r = regions_from(start), *next; r && r->start < end; r = next) {
        next = r->after;
        link_out(r);
        r->left = NULL;
        *last = r;
        last = &r->left;
    }
    return chain;
}

struct region *regions_drop(struct region *piece)
{
    struct region *next = piece->left;
    release(piece);
    return next;
}

static void forget(uintptr_t start, uintptr_t end)
{
    for (struct region *r = regions_cut(start, end); r;)
        r = regions_drop(r);
}

void regions_restore(struct region *chain, intptr_t delta)
{
    while (chain) {
        struct region *r = chain;
        chain = r->left;
        r->start += (uintptr_t)delta;
        r->end += (uintptr_t)delta;
        if (delta && r->window) {
            windows_release(r->window);
            r->window = NULL;
        }
        forget(r->start, r->end);
        link_in(r);
    }
}

struct region *regions_add(uintptr_t start, uintptr_t end, struct window *window, uint32_t kind)
{
    if (!regions_free(start, end))
        forget(start, end);
    struct region *r = pool_take(&region_pool);
    if (!r) {
        STATUS_ADD(forgotten, 1);
        return NULL;
    }
    r->start = start;
    r->end = end;
    r->window = window;
    r->kind = kind;
    if (window)
        windows_hold(window);
    link_in(r);
    return r;
}

void regions_grow(struct region *r, uintptr_t end)
{
    if (r->after && r->after->start < end)
        forget(r->end, end);
    r->end = end;
}

bool regions_alike(const struct region *a, const struct region *b)
{
    return a->kind == b->kind && !(a->kind & (REGION_FOREIGN | REGION_CHANGING)) && a->window == b->window &&
           (a->window || (a->kind & REGION_ANONYMOUS));
}

void regions_join(struct region *r)
{
    struct region *upper = r->after;
    uintptr_t end = upper->end;
    link_out(upper);
    release(upper);
    r->end = end;
}

void regions_change(uintptr_t start, uintptr_t end, uint32_t clear, uint32_t set)
{
    border(start);
    border(end);
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after)
        r->kind = (r->kind & ~clear) | set;
}

void regions_adopt(uintptr_t start, uintptr_t end)
{
    for (struct region *r = regions_from(start); r && r->start >= start && r->after;) {
        struct region *next = r->after;
        if (next->end > end)
            return;
        if (next->start == r->end && regions_alike(r, next))
            regions_join(r);
        else
            r = next;
    }
}
