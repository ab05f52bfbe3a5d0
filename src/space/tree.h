/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * tree: ordered, disjoint ranges.
 *
 * A tree is a treap, which is a search tree by address and a heap by random priority. Its nodes are
 * a list too. There is no recursion, because signal handlers have small stacks.
 *
 * The model has several trees: of what is mapped (regions.h), of guards (herd/guards.h), of pending
 * errors (pending.h), and of the parts of a file that its layers map (windows.h, where addresses
 * are offsets). Every function needs the model lock. The tree of mappings that may be cold
 * (limit/coldset.c) has a lock and a pool of its own.
 */
#ifndef MAPHERD_TREE_H
#define MAPHERD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held;
struct lock;
struct lone;
struct pool;
struct window;

struct region {
    uintptr_t start, end;
    union {
        struct {                   /* in regions.h */
            struct window *window; /* the window that it lies in, or NULL */
            struct lone *lone;     /* the lone chunk that it is of, see files.h; or NULL */
        };
        struct {               /* in limit/coldset.h */
            struct held *held; /* its file */
            uint64_t warmed;   /* when it was made warm last, in warmings */
        };
    };
    uint32_t kind;     /* REGION_ bits, see regions.h */
    bool joined_below; /* was one VMA with the range below; is so while they are mergeable */
    bool joined_above; /* in the last piece of a chain: was one VMA with the range above */
    uint8_t overlay;   /* the overlay over the file here, see overlays.h; 0: none */
    uint8_t keep;      /* its open file, see disk/keeps.h; 0: none */
    uint32_t priority; /* the treap's heap order */
    struct region *left, *right;   /* in the treap; in a chain of pieces, left is the next one */
    struct region *before, *after; /* in the list */
};

struct tree {
    struct region *root;
    size_t total;
    /* For ranges that hold something. NULL: they hold nothing. copied: the range is the upper part
     * of one that was split, and holds what the lower part holds. dropped: it is about to be
     * freed. */
    void (*copied)(const struct region *r);
    void (*dropped)(const struct region *r);
    const struct lock *lock; /* NULL: the model lock */
    struct pool *pool;       /* of its ranges; NULL: the one of the model */
    uint32_t random;         /* the last priority */
};

/* Returns the last range that starts at or before addr, or NULL. */
struct region *tree_floor(const struct tree *t, uintptr_t addr);

/* Returns the first range that ends behind addr, or NULL. */
struct region *tree_from(const struct tree *t, uintptr_t addr);

/* Adds a range where there is none. All but its ends is zero. Returns NULL where there is no
 * memory. */
struct region *tree_add(struct tree *t, uintptr_t start, uintptr_t end);

/* Puts a piece of a chain back, where there is no range. */
void tree_insert(struct tree *t, struct region *r);

/* Takes all ranges between start and end out of the tree, and splits those that reach beyond.
 * Returns them as a chain by left, in the order of addresses. Each piece still holds what it
 * held. */
struct region *tree_cut(struct tree *t, uintptr_t start, uintptr_t end);

/* Takes a range out of the tree and frees it. */
void tree_remove(struct tree *t, struct region *r);

/* Splits the range that addr lies in, if there is one. The two parts are still one VMA. */
void tree_split_at(struct tree *t, uintptr_t addr);

/* Joins r and the range that follows it. */
void tree_join(struct tree *t, struct region *r);

/* Frees a piece of a chain that was cut from t, and returns the next one. */
struct region *tree_drop(const struct tree *t, struct region *piece);

/* Frees a whole chain that was cut from t. It may be NULL. */
void tree_drop_all(const struct tree *t, struct region *chain);

#endif
