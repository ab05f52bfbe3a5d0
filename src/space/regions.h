/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * regions: the ranges of address space that the program has mapped through the hooks.
 *
 * Regions are disjoint, ordered and page-aligned. A region lies in one VMA. Two regions are joined
 * only where the kernel is known to have merged them, so the number of regions is an upper bound of
 * the number of their VMAs. Every function needs the model lock, except where its comment says
 * otherwise.
 */
#ifndef MAPHERD_REGIONS_H
#define MAPHERD_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/tree.h"
#include "space/windows.h"

/* The kind of a region: what two neighbours must have in common to be one VMA. The low bits are
 * PROT_READ, PROT_WRITE and PROT_EXEC. The others are mostly flags of the VMA. */
enum {
    REGION_PROT = 7,
    REGION_SHARED = 1 << 3,
    REGION_ANONYMOUS = 1 << 4,
    REGION_NORESERVE = 1 << 5,
    REGION_LOCKED = 1 << 6,
    REGION_RANDOM = 1 << 7,
    REGION_SEQUENTIAL = 1 << 8,
    REGION_DONTFORK = 1 << 9,
    REGION_DONTDUMP = 1 << 10,
    REGION_HUGE = 1 << 11,
    REGION_NOHUGE = 1 << 12,
    REGION_MERGEABLE = 1 << 13,
    REGION_WIPEONFORK = 1 << 14,
    REGION_FOREIGN = 1 << 15,  /* has what no bit stands for (a protection key): joins nothing */
    REGION_OVERLAID = 1 << 27, /* an overlay lies over the file here: joins nothing */
    REGION_STACK = 1 << 28,    /* MAP_STACK: no large pages, since Linux 6.7 */
    REGION_RETAINED = 1 << 29, /* the program has unmapped it; it stays a VMA to avoid a split */
    REGION_CHANGING = 1 << 30, /* a call that changes its kind is under way: joins nothing */
    REGION_OPEN_SHIFT = 16,    /* from here to 25: how the file was opened, see placement.c */
    REGION_WRITABLE = 1 << 26, /* the file was opened for writing too, whatever the protection is */
};

/* Returns the offset in the file of a region in a window. */
static inline uint64_t region_offset(const struct region *r)
{
    return r->start - r->window->base;
}

/* True if an msync of a region of this kind, in a window, syncs the file. The kernel syncs only
 * what has VM_SHARED, and MAP_SHARED of a file that was opened for reading only has not
 * (mm/mmap.c). */
static inline bool kind_syncs(uint32_t kind)
{
    return (kind & REGION_SHARED) && (kind & REGION_WRITABLE);
}

/* Returns how many regions there are. */
size_t regions_total(void);

/*
 * Returns how many VMAs the regions in a range and their two neighbours are, plus the number of all
 * masters. The difference between its values before and after a change of the range is what the
 * change has added to the count.
 */
long regions_vmas_around(uintptr_t start, uintptr_t end);

/* True if b follows a, and both lie in one VMA. */
bool regions_one_vma(const struct region *a, const struct region *b);

/* Returns the first region that ends behind addr, or NULL. */
struct region *regions_from(uintptr_t addr);

/* Returns the region that ends at addr, or NULL. */
struct region *regions_ending_at(uintptr_t addr);

/* Returns the region that starts at addr, or NULL. */
struct region *regions_starting_at(uintptr_t addr);

/* True if no region lies in the range. */
bool regions_free(uintptr_t start, uintptr_t end);

/* True if regions cover the range without a gap. */
bool regions_cover(uintptr_t start, uintptr_t end);

/*
 * Adds a region, which holds window unless that is NULL. Forgets what the model had in the range:
 * the kernel has just mapped something new there. Returns NULL where there is no memory; then the
 * range is unknown.
 */
struct region *regions_add(uintptr_t start, uintptr_t end, struct window *window, uint32_t kind);

/* Extends r up to end, as the kernel has done. */
void regions_grow(struct region *r, uintptr_t end);

/* Joins r and the region that follows it, which are adjacent, alike (regions_alike) and in one
 * VMA. */
void regions_join(struct region *r);

/* Marks the regions in the range as retained: the program has unmapped them, and they stay VMAs. */
void regions_retain(uintptr_t start, uintptr_t end);

/* True if the range is retained without a gap, by regions of this window and of this kind besides
 * REGION_RETAINED. */
bool regions_retained_alike(uintptr_t start, uintptr_t end, const struct window *w, uint32_t kind);

/*
 * How many bytes are retained in all and in no window, and whether a range ever was in this
 * process. No lock is needed; without the model lock the answer may be out of date. The functions
 * are inline because each call of the program asks.
 */
struct retained_sums {
    size_t bytes, alone;
    bool ever;
};
extern struct retained_sums regions_sums;

static inline size_t regions_retained_bytes(void)
{
    return __atomic_load_n(&regions_sums.bytes, __ATOMIC_RELAXED);
}

static inline size_t regions_retained_alone(void)
{
    return __atomic_load_n(&regions_sums.alone, __ATOMIC_RELAXED);
}

static inline bool regions_ever_retained(void)
{
    return __atomic_load_n(&regions_sums.ever, __ATOMIC_RELAXED);
}

/* True if nothing that the model knows keeps the kernel from merging the two, if they are adjacent:
 * they have the same window or are both anonymous, and the same kind, though one of them may be
 * retained. */
bool regions_mergeable(const struct region *a, const struct region *b);

/* True if the two are mergeable, and both or none are retained: they can become one region. */
bool regions_alike(const struct region *a, const struct region *b);

/*
 * Serves the common case of munmap. If the range is one region that is a VMA of its own, in no
 * window, not retained, without a keep and without an overlay, takes it out, copies it for
 * regions_restore, and returns true. The process then has one VMA less.
 */
bool regions_take_one(uintptr_t start, uintptr_t end, struct region *copy);

/* Takes a range out of the model. Returns its regions as tree_cut does. */
struct region *regions_cut(uintptr_t start, uintptr_t end);

/* regions_drop frees a piece of what regions_cut has returned, and returns the next one.
 * regions_drop_all frees all pieces; the chain may be NULL. */
struct region *regions_drop(struct region *piece);
void regions_drop_all(struct region *chain);

/* Makes the range unknown. */
void regions_forget(uintptr_t start, uintptr_t end);

/*
 * Forgets the regions in the range that are no longer mapped, because a call that passes no hook
 * has unmapped them. Asks the kernel by one system call for each region. Regions that are retained
 * or lie under an overlay stay: the code that keeps them checks by itself.
 */
void regions_forget_gone(uintptr_t start, uintptr_t end);

/* Puts a chain back, with its addresses moved by delta. The regions leave their windows unless
 * delta is 0. */
void regions_restore(struct region *chain, intptr_t delta);

/* Clears and sets bits of the kind over a range. Regions are split at its ends. */
void regions_change(uintptr_t start, uintptr_t end, uint32_t clear, uint32_t set);

/* Notes which overlay lies over the files in a range, by its number (overlays.h); 0: none. */
void regions_set_overlay(uintptr_t start, uintptr_t end, unsigned overlay);

/* Gives a keep (disk/keeps.h) to each region in the range that has none. */
void regions_set_keep(uintptr_t start, uintptr_t end, unsigned keep);

/* Returns the first region under that overlay that ends behind addr, or NULL. */
struct region *regions_overlaid(uintptr_t addr, unsigned overlay);

/* Joins the neighbours in [start, end) that are alike: a scan shows the range as one VMA. */
void regions_adopt(uintptr_t start, uintptr_t end);

#endif
