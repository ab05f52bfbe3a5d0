/*
 * tree: ordered, disjoint ranges: a treap (a search tree by address, a heap by random priority)
 * whose nodes are also a list. Everything is a loop: handlers run on small stacks.
 *
 * The model has several: what is mapped (regions.h), which parts of it are guards
 * (herd/guards.h), and which parts of a file the layers of its windows map (layers.h: the
 * addresses are offsets there). Model lock held.
 */
#ifndef MAPHERD_TREE_H
#define MAPHERD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/windows.h"

struct region {
    uintptr_t start, end;
    struct window *window; /* that placed it; NULL for everything else */
    struct lone *lone;     /* of a chunk that the kernel placed, see files.h; or NULL */
    uint32_t kind;         /* REGION_ bits, see regions.h */
    bool joined_below;     /* was one map with the range below, and is while they are mergeable */
    bool joined_above;     /* of the last piece of a chain: so was the range above with it */
    uint8_t overlay;       /* overlays.h: what lies over the file here; 0: nothing */
    uint8_t keep;          /* keeps.h: its open file, held; 0: none */
    uint32_t priority;     /* the treap's heap order */
    struct region *left, *right; /* the treap; in a chain of pieces, left is the next */
    struct region *before, *after;
};

struct tree {
    struct region *root;
    size_t total;
};

/* The last range that starts at or before addr, or NULL. */
struct region *tree_floor(const struct tree *t, uintptr_t addr);

/* The first range that ends behind addr, or NULL. */
struct region *tree_from(const struct tree *t, uintptr_t addr);

/* A new range, zero but for its bounds, where there is none; NULL without memory. */
struct region *tree_add(struct tree *t, uintptr_t start, uintptr_t end);

/* Puts back a piece of a chain, where there is nothing. */
void tree_insert(struct tree *t, struct region *r);

/* Takes a range out of the tree, splitting at its ends; what was there is returned as a chain in
 * order of address (by left), each piece still holding its window. */
struct region *tree_cut(struct tree *t, uintptr_t start, uintptr_t end);

/* Takes a range out and frees it; it holds no window. */
void tree_remove(struct tree *t, struct region *r);

/* Makes addr a border, if it lies inside a range: the two are one map still. */
void tree_split_at(struct tree *t, uintptr_t addr);

/* r takes over what follows it, to its end. */
void tree_join(struct tree *t, struct region *r);

/* A piece of a chain that is no longer needed; returns the next. */
struct region *tree_drop(struct region *piece);

/* A whole chain, NULL if it is empty. */
void tree_drop_all(struct region *chain);

#endif
