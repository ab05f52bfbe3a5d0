/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * tree: see tree.h.
 */
#define _GNU_SOURCE
#include "space/tree.h"

#include "kernel/lock.h"
#include "kernel/pool.h"
#include "tell/status.h"

static struct pool region_pool = POOL(struct region);

/* xorshift32, which is good enough to balance the tree. */
static uint32_t next_priority(struct tree *t)
{
    uint32_t state = t->random ? t->random : 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return t->random = state;
}

static struct pool *pool_of(const struct tree *t)
{
    return t->pool ? t->pool : &region_pool;
}

static const struct lock *lock_of(const struct tree *t)
{
    return t->lock ? t->lock : &model_lock;
}

struct region *tree_floor(const struct tree *t, uintptr_t addr)
{
    struct region *found = NULL;
    for (struct region *r = t->root; r;) {
        if (r->start <= addr) {
            found = r;
            r = r->right;
        } else {
            r = r->left;
        }
    }
    return found;
}

static struct region *first(const struct tree *t)
{
    struct region *r = t->root;
    while (r && r->left)
        r = r->left;
    return r;
}

struct region *tree_from(const struct tree *t, uintptr_t addr)
{
    struct region *r = tree_floor(t, addr);
    if (!r)
        return first(t);
    return r->end > addr ? r : r->after;
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

/* One walk finds the place of r and its neighbours in the list, which are the last ranges that it
 * meets below and above r. What is under that place is split at r. */
void tree_insert(struct tree *t, struct region *r)
{
    uintptr_t addr = r->start;
    struct region **at = &t->root, *before = NULL, *after = NULL;
    r->priority = next_priority(t);
    while (*at && (*at)->priority >= r->priority) {
        struct region *met = *at;
        if (addr < met->start) {
            after = met;
            at = &met->left;
        } else {
            before = met;
            at = &met->right;
        }
    }
    struct region *rest = *at, **below = &r->left, **above = &r->right;
    *at = r;
    while (rest) {
        if (rest->start < addr) {
            before = *below = rest;
            rest = *(below = &rest->right);
        } else {
            after = *above = rest;
            rest = *(above = &rest->left);
        }
    }
    *below = *above = NULL;
    r->before = before;
    r->after = after;
    if (before)
        before->after = r;
    if (after)
        after->before = r;
    t->total++;
}

static void remove_node(struct tree *t, struct region *r)
{
    struct region **at = &t->root;
    while (*at != r)
        at = r->start < (*at)->start ? &(*at)->left : &(*at)->right;
    *at = merge(r->left, r->right);
    if (r->before)
        r->before->after = r->after;
    if (r->after)
        r->after->before = r->before;
    t->total--;
}

static void release(const struct tree *t, struct region *r)
{
    LOCK_ASSERT(lock_of(t));
    if (t->dropped)
        t->dropped(r);
    pool_give(pool_of(t), r);
}

void tree_remove(struct tree *t, struct region *r)
{
    remove_node(t, r);
    release(t, r);
}

struct region *tree_add(struct tree *t, uintptr_t start, uintptr_t end)
{
    struct region *r = pool_take(pool_of(t));
    if (!r) {
        STATUS_ADD(forgotten, 1);
        return NULL;
    }
    r->start = start;
    r->end = end;
    tree_insert(t, r);
    return r;
}

/* Where there is no memory, the upper part is forgotten. */
void tree_split_at(struct tree *t, uintptr_t addr)
{
    LOCK_ASSERT(lock_of(t));
    struct region *r = tree_floor(t, addr);
    if (!r || r->start == addr || r->end <= addr)
        return;
    uintptr_t end = r->end;
    r->end = addr;
    struct region *upper = tree_add(t, addr, end);
    if (!upper)
        return;
    upper->window = r->window;
    upper->lone = r->lone;
    upper->kind = r->kind;
    upper->joined_below = true;
    upper->overlay = r->overlay;
    upper->keep = r->keep;
    if (t->copied)
        t->copied(upper);
}

struct region *tree_cut(struct tree *t, uintptr_t start, uintptr_t end)
{
    struct region *chain = NULL, **last = &chain;
    tree_split_at(t, start);
    tree_split_at(t, end);
    for (struct region *r = tree_from(t, start), *next; r && r->start < end; r = next) {
        next = r->after;
        remove_node(t, r);
        r->left = NULL;
        *last = r;
        last = &r->left;
    }
    return chain;
}

void tree_join(struct tree *t, struct region *r)
{
    struct region *upper = r->after;
    uintptr_t end = upper->end;
    remove_node(t, upper);
    release(t, upper);
    r->end = end;
}

struct region *tree_drop(const struct tree *t, struct region *piece)
{
    struct region *next = piece->left;
    release(t, piece);
    return next;
}

void tree_drop_all(const struct tree *t, struct region *chain)
{
    while (chain)
        chain = tree_drop(t, chain);
}
