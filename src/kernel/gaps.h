/*
 * gaps: the free ranges of the address space.
 */
#ifndef MAPHERD_GAPS_H
#define MAPHERD_GAPS_H

#include <stddef.h>

/*
 * Bytes of the largest range between two maps; 0 if it cannot be told. It reads the whole list
 * (procmaps.h says what that costs): for calls that are rare. Returns 0 at once if another thread
 * is at it.
 */
size_t gaps_largest(void);

/* In a forked child. */
void gaps_after_fork(void);

#endif
