/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * windows: the ranges of address space where the chunks of a file belong.
 *
 * A window reserves nothing: nothing is mapped for it, so it costs no VMA. The chunk at offset o of
 * the file belongs at base + o. So chunks that continue each other in the file are neighbours in
 * memory, and the kernel merges them into one VMA. A file gets its first window when a second chunk
 * continues a mapped one, or when it has several lone chunks: a chunk that is alone in a window has
 * page tables of its own there.
 *
 * A part of a file that is mapped again during its first mapping needs another window. A program
 * that leaves unmapping to a garbage collector has hundreds of mappings of one part at a time. So
 * the windows of a file are numbered as its layers, and a chunk goes to the lowest layer that has
 * its place free. Lower layers thus stay full, and a full layer is few VMAs.
 *
 * The layers are in groups of LAYERS_IN_GROUP. A group gets a tree when a chunk is mapped while it
 * has several windows. The tree says for each part of the file in which layers it is mapped:
 * disjoint ranges of offsets, with a bit for each layer. A search looks at the ranges of one part,
 * once in each group. A retained range (REGION_RETAINED) counts as free, because it can be used
 * again.
 *
 * Windows lie in the zone (zone.h). Every function needs the model lock.
 */
#ifndef MAPHERD_WINDOWS_H
#define MAPHERD_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/files.h"
#include "space/tree.h"

struct window {
    struct file *file;
    uintptr_t base; /* the address of offset 0; a multiple of 2 MiB, so that large folios fit */
    uint64_t span;  /* the offset where it ends: a chunk that ends later does not belong here */
    size_t users;   /* regions in it, and calls at work on it */
    unsigned layer; /* its number among the windows of the file */
};

/* Adds a window for f with one user. The file has size bytes, and a chunk of it that ends at the
 * offset end is mapped. Returns NULL where the file is too large for the zone, or there is no
 * memory. */
struct window *windows_add(struct file *f, uint64_t size, uint64_t end);

/* Adds a user. */
void windows_hold(struct window *w);

/* Takes a user away. The last user removes the window. The last window of a file removes the
 * masters of the file, and the file itself if it has no lone chunk. */
void windows_release(struct window *w);

/* ---- layers ---- */

#define LAYERS_IN_GROUP 32

struct layers {
    struct layers *next; /* of the same file, with higher numbers */
    unsigned first;      /* the number of its first layer */
    uint32_t present;    /* the set of layers that have a window */
    struct window *at[LAYERS_IN_GROUP];
    bool tracked;      /* taken is up to date */
    struct tree taken; /* ranges of offsets; the kind of each is the set of layers that map it */
};

/* Returns the group of the window's layer. */
struct layers *windows_group(const struct window *w);

/* Notes that [start, end) of the file, in offsets, is mapped in w. Returns false, and notes
 * nothing, if the group has several windows and no tree yet: its tree begins here, empty, and the
 * caller notes all that is mapped in the windows of the group. */
bool windows_take(struct window *w, uint64_t start, uint64_t end);

/* Notes that [start, end) of the file, in offsets, is no longer mapped in w. */
void windows_leave(struct window *w, uint64_t start, uint64_t end);

/* Returns the layers of a group that may have [start, end) free, in offsets. The regions of the
 * window decide. */
uint32_t windows_free(const struct layers *group, uint64_t start, uint64_t end);

/* Returns the window of f with the lowest number that is at least n; NULL if there is none. */
struct window *windows_from(const struct file *f, unsigned n);

#endif
