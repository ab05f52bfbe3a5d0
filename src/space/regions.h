/*
 * regions: the ranges of address space that the program mapped through the hooks.
 *
 * Disjoint, ordered, page-aligned. A region is what one map of the kernel would be at the least:
 * two regions are joined only where the kernel was seen to have merged them, so the number of
 * regions is an upper bound of the maps behind them. Model lock held.
 */
#ifndef MAPHERD_REGIONS_H
#define MAPHERD_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/tree.h"

/* What two neighbours must have in common to be one map. The low bits are PROT_READ, _WRITE and
 * _EXEC; the rest follows the VMA's flags. */
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
    REGION_FOREIGN = 1 << 15, /* has what the model cannot tell (a protection key): joins nothing */
    REGION_OVERLAID = 1 << 27, /* something else lies over the file here: joins nothing */
    REGION_STACK = 1 << 28,    /* MAP_STACK: no large pages, since Linux 6.7 */
    REGION_RETAINED = 1 << 29, /* mapped, but no longer the program's: kept to spare a split */
    REGION_CHANGING = 1 << 30, /* a call that changes its kind is under way: joins nothing */
    REGION_OPEN_SHIFT = 16,   /* above: how the file was opened, see placement.c */
};

/* The offset in the file of a window's region. */
static inline uint64_t region_offset(const struct region *r)
{
    return r->start - r->window->base;
}

size_t regions_total(void);

/*
 * How many maps the regions in a range, and their neighbours on either side, are; and the masters
 * there are in all. Taken before and after a change of that range, the difference is what the
 * change added to the count.
 */
long regions_maps_around(uintptr_t start, uintptr_t end);

/* b follows a, and both are one map. */
bool regions_one_map(const struct region *a, const struct region *b);

/* The first region that ends behind addr, or NULL. */
struct region *regions_from(uintptr_t addr);

/* The last of all, or NULL. */
struct region *regions_last(void);

/* The region that ends at addr, or that starts there; NULL if none does. */
struct region *regions_ending_at(uintptr_t addr);
struct region *regions_starting_at(uintptr_t addr);

bool regions_free(uintptr_t start, uintptr_t end);

/* A call that changes a part of the range is under way. */
bool regions_changing(uintptr_t start, uintptr_t end);

/* True if the range is known from end to end. */
bool regions_cover(uintptr_t start, uintptr_t end);

/*
 * Adds a range. Whatever the model had there is stale (the kernel has just said so) and goes.
 * Holds window, if given. NULL without memory: the range is unknown then.
 */
struct region *regions_add(uintptr_t start, uintptr_t end, struct window *window, uint32_t kind);

/* r, whose end the kernel has moved up to end. */
void regions_grow(struct region *r, uintptr_t end);

/* r and what follows it are one map: one region. Only if regions_alike and adjacent. */
void regions_join(struct region *r);

/* The program's no longer, but still mapped: REGION_RETAINED over the range, known or not. */
void regions_retain(uintptr_t start, uintptr_t end);

/* Retained from end to end, by regions of this window that are of this kind but for being
 * retained. */
bool regions_retained_alike(uintptr_t start, uintptr_t end, const struct window *w, uint32_t kind);

/* Bytes retained in all; read without the lock it is a hint. */
size_t regions_retained_bytes(void);

/* Something was retained once in this process. */
bool regions_ever_retained(void);

/* Those of them that lie in no window. */
size_t regions_retained_alone(void);

/* Side by side they differ in nothing that would keep the kernel from merging them: same window,
 * or both anonymous; same kind, but that one may be retained. */
bool regions_mergeable(const struct region *a, const struct region *b);

/* The same, and both retained or none: they can be one region. */
bool regions_alike(const struct region *a, const struct region *b);

/*
 * The common case of munmap: if the range is one region that is a map of its own, in no window
 * and not retained, takes it out (the count has one map less), copies it for putting back, and says
 * true.
 */
bool regions_take_one(uintptr_t start, uintptr_t end, struct region *copy);

/* Takes a range out of the model: tree_cut. */
struct region *regions_cut(uintptr_t start, uintptr_t end);

/* The range is unknown from here on. */
void regions_forget(uintptr_t start, uintptr_t end);

/*
 * Forgets what is in the range by the model's word alone, because a call that no hook has seen has unmapped
 * it: asks the kernel, one system call a region, none where there is no region. What is retained or
 * lies under an overlay stays: its own proof decides.
 */
void regions_forget_gone(uintptr_t start, uintptr_t end);

/* Puts a chain back, its addresses moved by delta: windows stay only where delta is 0. */
void regions_restore(struct region *chain, intptr_t delta);

/* Clears and sets kind bits over a range, splitting at its ends. */
void regions_change(uintptr_t start, uintptr_t end, uint32_t clear, uint32_t set);

/* Marks what lies over the files of a range: a number of overlays.h; 0 takes the mark away. */
void regions_set_overlay(uintptr_t start, uintptr_t end, unsigned overlay);

/* What of the range is known has this keep (keeps.h), unless it has one. */
void regions_set_keep(uintptr_t start, uintptr_t end, unsigned keep);

/* The first region of that overlay that ends behind addr, or NULL. */
struct region *regions_overlaid(uintptr_t addr, unsigned overlay);

/* The kernel's list shows [start, end) as one map: neighbours in it that are alike are joined. */
void regions_adopt(uintptr_t start, uintptr_t end);

#endif
