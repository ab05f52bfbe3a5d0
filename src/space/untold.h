/*
 * untold: errors that callers of msync still have to be told.
 *
 * The kernel tells a loss once per open file, and a loss that the library stands for it never
 * hears of. So each is kept for every range of address space whose owner it concerns, and goes
 * with the msync that tells it, with the range itself, or with what is mapped there next. Model
 * lock held.
 */
#ifndef MAPHERD_UNTOLD_H
#define MAPHERD_UNTOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "space/tree.h"

/* The owner of any page in the range is to be told error (an errno value). A newer error takes
 * the place of an older one. Without memory it is lost, and counted as forgotten. */
void untold_add(uintptr_t start, uintptr_t end, int error);

/* The error for a caller that syncs this range, or 0; the range has been told then. */
int untold_take(uintptr_t start, uintptr_t end);

/* Nobody in the range is to be told anything: it is new, or gone. */
void untold_forget(uintptr_t start, uintptr_t end);

/* What is owed in the range is owed delta bytes further on. */
void untold_move(uintptr_t start, uintptr_t end, intptr_t delta);

/* Somebody may have to be told something. Without the lock, and at each new map: so it is here. */
extern struct tree untold_ranges;
static inline bool untold_any(void)
{
    return __atomic_load_n(&untold_ranges.total, __ATOMIC_RELAXED) != 0;
}

#endif
