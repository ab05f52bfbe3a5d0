/*
 * * layers: the windows of a file, and which of them has a place free.
 *
 * A part of a file that is mapped again during its first mapping needs another window. A program
 * that leaves unmapping to a garbage collector has hundreds of mappings of one part at a time. So
 * the windows of a file are numbered, and a chunk goes to the lowest one that has its place free.
 * Lower layers thus stay full, and a full layer is few VMAs.
 *
 * The layers are in groups of LAYERS_IN_GROUP. A group with two or more windows has a tree, which
 * says for each part of the file in which layers it is mapped: disjoint ranges of offsets, with a
 * bit for each layer. A search looks at the ranges of one part, once in each group. A retained
 * range (REGION_RETAINED) counts as free, because it can be used again. Every function needs the
 * model lock.
 */
#ifndef MAPHERD_LAYERS_H
#define MAPHERD_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "space/tree.h"

#define LAYERS_IN_GROUP 32

struct layers {
    struct layers *next; /* of the same file, with higher numbers */
    unsigned first;      /* the number of its first layer */
    uint32_t present;    /* the set of layers that have a window */
    struct window *at[LAYERS_IN_GROUP];
    bool tracked;      /* taken is up to date */
    struct tree taken; /* ranges of offsets; the kind of each is the set of layers that map it */
};

/* Gives w the lowest free number among the windows of its file. False where there is no memory. */
bool layers_add(struct window *w);

/* Frees the number of w, which has no regions any more. */
void layers_remove(struct window *w);

/* Notes that [start, end) of the file, in offsets, is mapped in w. */
void layers_take(struct window *w, uint64_t start, uint64_t end);

/* Notes that [start, end) of the file, in offsets, is no longer mapped in w. */
void layers_leave(struct window *w, uint64_t start, uint64_t end);

/* Returns the layers of a group that may have [start, end) free, in offsets. The regions of the
 * window decide. */
uint32_t layers_free(const struct layers *group, uint64_t start, uint64_t end);

/* Returns the window of f with the lowest number that is at least n; NULL if there is none. */
struct window *layers_from(const struct file *f, unsigned n);

#endif
