/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * retention: which ranges stay mapped so that no VMA is split.
 *
 * munmap of the middle of a VMA makes two of one. Three things retain a range (below)
 * instead. Each gives it guard markers and drops its pages in one step, so that an access faults.
 *
 *   - Under pressure, munmap between the chunks of a file retains the range.
 *   - Under pressure, the gaps between the chunks of a file are mapped and retained.
 *   - At the map limit, a munmap that the kernel refuses for the VMA that it would add retains the
 *     range, in any memory that takes markers.
 *
 * The kernel is asked whether a range splits a VMA (space/merge.h); the model does not decide it. A
 * retained range that no longer spares a split is given back. Nothing is retained, and munmap is
 * the kernel's alone, where the kernel has no markers for mappings of files (before Linux 6.15),
 * and in memory that takes none (locked memory, huge pages, devices).
 *
 * For all functions: the caller holds no lock, the function takes the model lock and, to give
 * something back, retained_lock before it. All are thread- and async-signal-safe.
 */
#ifndef MAPHERD_RETENTION_H
#define MAPHERD_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/regions.h"
#include "space/request.h"

/*
 * The program unmaps [start, end), which is mapped, under pressure. Retains the range if it lies in
 * one window and that spares a split, and returns true: munmap is done. Returns false if nothing
 * was done that munmap would not do.
 */
bool retention_retain(uintptr_t start, uintptr_t end);

/*
 * The request q has been mapped at [start, end), in a window, under pressure. Maps the gaps to its
 * neighbours and retains them, if the kernel then makes one VMA of all. No access goes through a
 * gap at any moment. Makes up to eight system calls.
 */
void retention_fill(const struct map_request *q, uintptr_t start, uintptr_t end);

/*
 * The kernel refused munmap of [start, end) at the map limit. Retains the range, including what the
 * model does not know of it, and returns true. Returns false if nothing was done.
 */
bool retention_retain_refused(uintptr_t start, uintptr_t end);

/* [start, end) was changed or unmapped. Gives back what is retained there, or beside it, and no
 * longer spares a split. Makes no system call where nothing is retained, and neither do the
 * functions below. */
void retention_tidy(uintptr_t start, uintptr_t end);

/* DUE_RETENTION (common/due.h): gives back at most 16 of the ranges that are retained outside
 * windows, if the pressure is below "high". */
bool retention_settle(void);

/*
 * The kernel has answered a call for memory with answer (an address, 0, or -errno). Retained ranges
 * may be why it refused: they count against a limit on the address space that another process or a
 * raw system call has set, and against the limit on locked memory after a raw mlockall. Gives back
 * all of them if that may be so. Returns true if less is retained now: the caller makes its call
 * again.
 */
bool retention_makes_room(long answer);

/* Gives back all retained ranges, those in windows too: before mlockall, which would lock them, and
 * before the library ceases to make calls. */
void retention_give_all_back(void);

/* ---- retained ranges ---- */

/*
 * Ranges that the program has unmapped, or never mapped, and that are still part of a
 * VMA.
 *
 * For the program a retained range is free. Every page of it carries a guard marker
 * (kernel/markers.h), so an access faults as it does where nothing is mapped. Before a call of the
 * program that names such a range reaches the kernel, the range is unmapped (retained_vacate).
 *
 * The model (space/regions.h) is no proof that a range is still retained: a raw system call, or a
 * fork that ran no handlers, may have put other memory there. The kernel is therefore asked before
 * a range is unmapped. Markers are the proof: the library installed them when the program gave the
 * range up, the kernel maps nothing else there while it is mapped, and memory that replaces it has
 * none. A range that is not marked from end to end stays as it is and leaves the model. One gap
 * remains: between the question and munmap, a raw system call of another thread may replace memory
 * that the program has given up. A signal handler cannot, because signals are blocked then.
 */

/*
 * While a retained range is out of the model and not yet unmapped, no other memory may come to its
 * address. retained_enter blocks all signals but those of faults and takes retained_lock;
 * retained_leave(entered) undoes both. A function that unmaps or replaces a range which may have
 * retained parts calls them around the step that takes the range out of the model, or around more.
 *
 * retained_enter does nothing and returns false where nothing was ever retained, or where the
 * calling thread owns retained_lock or the model lock: then a handler of a fault has interrupted
 * the owner. retained_lock comes before the model lock, which the caller must not hold. Both
 * functions are thread- and async-signal-safe.
 */
bool retained_enter(void);
void retained_leave(bool entered);

/*
 * Returns true if len more bytes may be retained: the page tables of all retained ranges may take a
 * 64th of the machine's memory, one page of them for each 2 MiB. Needs no lock; thread- and
 * async-signal-safe.
 */
bool retained_room(size_t len);

enum retained_outcome {
    RETAINED_GONE,    /* it is unmapped; or it was not proven, and has left the model */
    RETAINED_REFUSED, /* the map limit allows no split: it is in the model again */
    RETAINED_NONE,    /* there was none, or this thread owns the model lock */
};

/*
 * Proves that r is retained, and unmaps it. r was cut out of the model (regions_cut) and is freed
 * or put back. Must be called between retained_enter and retained_leave; takes the model lock.
 */
enum retained_outcome retained_give(struct region *r);

/*
 * Unmaps what is retained in [start, end), because a call of the program names that range. Returns
 * false if something stays because the map limit does not allow the split. Takes retained_lock and
 * the model lock. Makes no system call where nothing was ever retained. Thread- and
 * async-signal-safe.
 */
bool retained_vacate(uintptr_t start, uintptr_t end);

/* Frees retained_lock in a forked child. */
void retained_after_fork(void);

#endif
