/*
 * canary: is the process at its map limit, right now?
 *
 * Counting takes milliseconds and stalls other threads on older kernels; a failing call has no
 * time for it. A private PROT_NONE map of three pages is kept; splitting it in three by advice
 * on its middle page fails at limit - 1 and above, and for no other reason (mm/madvise.c,
 * mm/vma.c: the split is refused on map_count alone).
 */
#ifndef MAPHERD_CANARY_H
#define MAPHERD_CANARY_H

#include <stdbool.h>
#include <stdint.h>

/* The three pages, mapped PROT_NONE, that no neighbour can merge with. */
void canary_start(uintptr_t addr);

/* Thread-safe; two maps more for a moment. False without a canary. */
bool canary_at_limit(void);

/* In a forked child. */
void canary_after_fork(void);

#endif
