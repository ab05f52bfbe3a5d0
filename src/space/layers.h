/*
 * layers: the windows of a file, and which of them has a place free.
 *
 * A part of a file that is mapped again while its first map lives needs another window. Programs
 * that leave unmapping to a garbage collector have hundreds of maps of one part at a time. So the
 * windows of a file are numbered, and a place is looked for in the lowest that has it free: lower
 * layers stay full, and what is full is few maps.
 *
 * They are kept in groups of LAYERS_IN_GROUP. From its second window on a group knows, for each
 * part of the file, in which of its layers that part is mapped: disjoint ranges of offsets with a
 * bit for each layer. A search looks at the ranges of the part asked for, once a group. What is
 * held (REGION_RETAINED) counts as free: it may be given out again. Model lock held.
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
    uint32_t present;    /* which layers are windows */
    struct window *at[LAYERS_IN_GROUP];
    bool tracked;        /* taken is kept */
    struct tree taken;   /* ranges of offsets; the kind of each is the set of layers that map it */
};

/* Gives w, of w->file, the lowest number that is free; false without memory. */
bool layers_add(struct window *w);

/* w has no regions any more. */
void layers_remove(struct window *w);

/* w's part [start, end) of the file, in offsets, is mapped; or it is no longer. */
void layers_take(struct window *w, uint64_t start, uint64_t end);
void layers_leave(struct window *w, uint64_t start, uint64_t end);

/* The layers of a group that may have [start, end) free: the windows have to be asked. */
uint32_t layers_free(const struct layers *group, uint64_t start, uint64_t end);

/* The window of f with the lowest number that is at least n; NULL if there is none. */
struct window *layers_from(const struct file *f, unsigned n);

#endif
