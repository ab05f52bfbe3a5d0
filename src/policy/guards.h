/*
 * guards: PROT_NONE without a split.
 *
 * A guard page made with mprotect cuts its map in two or three: a thread stack or a fiber costs
 * two maps. Where the pages hold nothing yet, MADV_GUARD_INSTALL (Linux 6.13, mm/madvise.c) has
 * the same effect in the page tables alone: every access faults, a system call gets EFAULT. The
 * markers survive MADV_DONTNEED, fork and mremap; they survive mprotect too, so they are removed
 * when the program gives access again, and the page is zero then, as it would have been.
 *
 * What it cannot keep: the first store of another thread to a page that is being protected, if it
 * falls between the look at the page and the marker.
 *
 * Where it differs: the fault's si_code is SEGV_MAPERR and not SEGV_ACCERR; /proc/self/maps shows
 * the map around it; memory that a guard would have split is one map when the guard is lifted,
 * where the kernel may leave several: mremap of all of it works.
 */
#ifndef MAPHERD_GUARDS_H
#define MAPHERD_GUARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/regions.h"

/*
 * Makes the range a guard if it is small and holds nothing: true. False: nothing was done, the
 * caller protects it plainly. No lock held. Opens /proc/self/pagemap for the question.
 */
bool guards_install(uintptr_t start, uintptr_t end);

/*
 * Makes markers of some plain guards that were there before the pressure: two maps less each.
 * Call it again and again; each call does a few. Takes the model lock and holds it over the few
 * calls to the kernel that it takes, none of which does I/O, so that nobody lifts them meanwhile.
 */
void guards_convert(void);

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
