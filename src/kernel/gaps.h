/*
 * gaps: the free ranges of the address space.
 */
#ifndef MAPHERD_GAPS_H
#define MAPHERD_GAPS_H

#include <stddef.h>

/*
 * Returns the bytes of the largest range between two VMAs of this process. Returns 0 where the list
 * cannot be read, and at once while another thread scans it here. It scans the whole list, which
 * procmaps.h says the cost of: it is for calls that are rare. Thread- and async-signal-safe.
 */
size_t gaps_largest(void);

/* Frees the lock. For a forked child. */
void gaps_after_fork(void);

#endif
