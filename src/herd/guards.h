/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards: PROT_NONE without a split.
 *
 * mprotect(PROT_NONE) on a page of a thread's stack or a fiber makes two or three VMAs of one.
 * Where the pages hold nothing yet, MADV_GUARD_INSTALL (Linux 6.13, mm/madvise.c) has the same
 * effect in the page tables alone: an access faults, and a system call returns EFAULT. The markers
 * survive MADV_DONTNEED, fork, mremap and mprotect. They are removed when the program gives access
 * again; the page then reads as zeros, as it would have.
 *
 * The program's mprotect makes a plain guard first. Only then, while no thread can store there, is
 * it made a marker, and the range gets the protection of its neighbour. That costs a second
 * mprotect, and no VMA stays split. At the map limit, where the kernel refuses the plain guard, the
 * marker is installed at once: a store of another thread that falls between the look at the pages
 * and the marker is lost, if it is the first store to a page that is being protected.
 *
 * A marker differs from a plain guard as follows.
 *
 *   - si_code of the fault is SEGV_MAPERR instead of SEGV_ACCERR.
 *   - /proc/self/maps shows one VMA where the guard would have made several. When the guard is
 *     lifted, the memory is one VMA, and mremap of all of it succeeds.
 *   - Only a call that passes a hook lifts it. A program that takes access with libc's mprotect and
 *     gives it by a raw system call, or by a function found by handle, needs MAPHERD_GUARDS=off.
 *
 * Unless a function says otherwise: the caller holds no lock, and the function takes the model
 * lock.
 */
#ifndef MAPHERD_GUARDS_H
#define MAPHERD_GUARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/regions.h"

/* Returns true if the range is small enough to be looked at, and the kernel is not known to lack
 * markers. Makes no system call; takes no lock. */
bool guards_possible(uintptr_t start, uintptr_t end);

/*
 * The program has just taken the access to [start, end) with mprotect, and its call is entered in
 * space/model.h. Makes the guard a marker, with the protection of the neighbour, if the range
 * holds nothing and would otherwise be part of a VMA of private anonymous memory: returns true.
 * Returns false if it is still a plain guard. Makes up to ten system calls with the model lock
 * held; none of them does I/O. Opens /proc/self/maps and /proc/self/pagemap for a moment.
 */
bool guards_install(uintptr_t start, uintptr_t end);

/* The kernel refused the program's mprotect(PROT_NONE) because of its split. Marks the range if it
 * holds nothing and is private anonymous memory: returns true. Returns false if nothing was done.
 * Costs and locks are those of guards_install. */
bool guards_instead(uintptr_t start, uintptr_t end);

/*
 * The program gives the access prot to [start, end), of private anonymous memory that has none from
 * low on and holds nothing there: [low, start) is the guard of a stack. Gives it to [low, end) and
 * makes the guard a marker, so that nothing is split. In between, for the time of a system call, a
 * store to the guard is lost instead of a fault. So it is for a stack that libc makes: it has not
 * started the thread yet.
 *
 * The call is entered in space/model.h from low on. Returns 1 if that is done, 0 if nothing is, and
 * -ENOMEM if the access cannot be taken from the guard again: then the program's call has to fail.
 * Costs and locks are those of guards_install.
 */
long guards_beneath(uintptr_t low, uintptr_t start, uintptr_t end, int prot);

/* Narrows [*start, *end) to the first piece of it that carries markers of guards. Returns false if
 * there is none. */
bool guards_next(uintptr_t *start, uintptr_t *end);

/* The program has given access to the range: removes its markers. Makes no system call where there
 * are no guards. In a signal handler that has interrupted the owner of the model lock it removes
 * the markers and leaves the set as it is. */
void guards_lift(uintptr_t start, uintptr_t end);

/* True if there may be guards. Needs no lock. It is inline because each new mapping asks. */
extern struct tree guards_ranges;
static inline bool guards_any(void)
{
    return __atomic_load_n(&guards_ranges.total, __ATOMIC_RELAXED) != 0;
}

/*
 * guards_take takes the guards of a range out of the set, before munmap, mmap with MAP_FIXED or
 * mremap, because what another thread makes there afterwards is not the same guard. Returns them as
 * a chain, NULL if there are none. When the kernel has answered, the caller passes the chain to one
 * of three functions:
 *
 *   guards_put   puts it back into the set, its addresses moved by delta.
 *   guards_drop  frees it: the markers went with the range.
 *   guards_open  removes the markers and frees it: the range stays mapped for another use.
 */
struct region *guards_take(uintptr_t start, uintptr_t end);
void guards_put(struct region *chain, intptr_t delta);
void guards_drop(struct region *chain);
void guards_open(struct region *chain);

/* Empties the set, in a forked child whose parent was changing it at the fork. Takes no lock. */
void guards_abandon(void);

#endif
