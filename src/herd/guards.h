/*
 * guards: PROT_NONE without a split.
 *
 * A guard page made with mprotect cuts its map in two or three: a thread stack or a fiber costs
 * two maps. Where the pages hold nothing yet, MADV_GUARD_INSTALL (Linux 6.13, mm/madvise.c) has
 * the same effect in the page tables alone: every access faults, a system call gets EFAULT. The
 * markers survive MADV_DONTNEED, fork and mremap; they survive mprotect too, so they are removed
 * when the program gives access again, and the page is zero then, as it would have been.
 *
 * A guard is first made plainly, and only then, within the program's own mprotect, a marker: while
 * nobody can store there. So it costs two calls of mprotect, but no VMA stays split. At the limit, where
 * the plain guard is refused, the marker comes at once: the first store of another thread to a page
 * that is being protected is lost then, if it falls between the look at the page and the marker.
 *
 * Where it differs: the fault's si_code is SEGV_MAPERR and not SEGV_ACCERR; /proc/self/maps shows
 * the map around it; memory that a guard would have split is one map when the guard is lifted,
 * where the kernel may leave several: mremap of all of it works. And a marker is lifted by calls that
 * pass a hook: a program that takes access through libc's mprotect and gives it past it (a raw system
 * call, a function found by handle) finds the page as it was, and needs MAPHERD_GUARDS=off.
 */
#ifndef MAPHERD_GUARDS_H
#define MAPHERD_GUARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/regions.h"

/* The range is small enough, and the kernel is not known to have no markers. Cheap, without the lock. */
bool guards_possible(uintptr_t start, uintptr_t end);

/*
 * The program has just taken the access to the range with mprotect, and its call is entered in
 * space/changes.h: makes the guard a marker, if the range holds nothing and is part of a VMA of private
 * memory otherwise. True: it is, with the protection of its neighbour. False: it is as it was, a plain
 * guard. No lock held; the model lock is taken over up to ten calls to the kernel, none of which does I/O.
 * Opens /proc/self/maps and pagemap for the question.
 */
bool guards_install(uintptr_t start, uintptr_t end);

/* The kernel refused the program's mprotect(PROT_NONE) for its split: marks the range instead, if it
 * holds nothing and is private memory. False: nothing was done. The rest as above. */
bool guards_instead(uintptr_t start, uintptr_t end);

/* The first piece of [*start, *end) that carries markers, in the same two; false if none does. */
bool guards_next(uintptr_t *start, uintptr_t *end);

/* Access to the range was given: removes its markers. No lock held; cheap without guards. */
void guards_lift(uintptr_t start, uintptr_t end);

/*
 * Before a range leaves the kernel (munmap, MAP_FIXED, mremap) its guards leave the set, as a
 * chain, NULL if there are none: what another thread makes there afterwards is not ours. When the
 * kernel has answered, the chain is put back, moved by delta; or dropped, because the markers
 * went with the range; or opened, because the range is kept for another use. No lock held.
 */
struct region *guards_take(uintptr_t start, uintptr_t end);
void guards_put(struct region *chain, intptr_t delta);
void guards_drop(struct region *chain);
void guards_open(struct region *chain);

/* In a forked child whose set was left in the middle of a change: it has none. */
void guards_abandon(void);

#endif
