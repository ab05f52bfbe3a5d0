/*
 * retention: what the limit does not allow is honoured without the split.
 *
 * munmap in the middle of a map needs one map more. Where the kernel refuses that, the pages are
 * dropped, the program is told that the range is gone, and the range is held: mapped, but
 * nobody's. It is given back when a neighbour goes (no split is needed then), or when maps have
 * become free. In a filled window everything that the program unmaps is held, as long as it is
 * one map with a chunk: unmapping it would tear the map apart, and a later map there costs nothing.
 */
#ifndef MAPHERD_RETENTION_H
#define MAPHERD_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "model/regions.h"

/* Fill: holds the range, if it is wholly chunks of one shared window. True: the program's munmap
 * is done. */
bool retention_keep(uintptr_t start, uintptr_t end);

/* munmap of the range failed at the limit; chain is what the model had there. Holds it, with
 * what the model did not know if that is mapped. */
void retention_hold(struct region *chain, uintptr_t start, uintptr_t end);

/* Widens a range that is to be unmapped by what is held on either side of it. Model lock held. */
void retention_widen(uintptr_t *start, uintptr_t *end);

/* The range has changed or gone. What is held in a window, there or beside it, and is one map with
 * nothing of the program's any more, would be a map for nothing: unmaps it. Without the lock; cheap
 * where nothing is held. */
void retention_tidy(uintptr_t start, uintptr_t end);

/* Gives some of what is held back to the kernel. Without the lock; cheap where nothing is held. */
void retention_settle(void);

/* All of it, in windows too, before what would touch every map (mlockall). */
void retention_give_all_back(void);

/*
 * To the program a held range is free. While one is taken out of the model and unmapped, no thread
 * may be given its place by a fixed map, or the unmapping would hit that: both sides stand between
 * retention_enter and retention_leave. Nothing is taken before something was held, and nothing in
 * a handler above the model lock's owner. Before the model lock, which is not held.
 */
bool retention_enter(void);
void retention_leave(bool entered);

/* In a forked child. */
void retention_after_fork(void);

#endif
