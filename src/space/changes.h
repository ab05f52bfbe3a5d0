/*
 * changes: which ranges the program's own calls are changing in place just now.
 *
 * A call that changes a range (mprotect, madvise, mlock) is entered before the kernel is asked and leaves
 * afterwards; no lock is held in between. What must not meet such a call, because it looks at pages and
 * then acts on what it saw, asks here first, and holds the model lock until it is done: no other call
 * can be entered meanwhile. Model lock held.
 */
#ifndef MAPHERD_CHANGES_H
#define MAPHERD_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

void changes_begin(uintptr_t start, uintptr_t end);
void changes_end(uintptr_t start, uintptr_t end);

/* All calls that are changing a part of the range are this thread's: it is in a handler that has interrupted them. */
bool changes_mine(uintptr_t start, uintptr_t end);

/* Besides one call, the caller's own, another is changing a part of the range, or may be. */
bool changes_meet(uintptr_t start, uintptr_t end);

/* In a forked child, which has none of the threads that were at it. */
void changes_after_fork(void);

#endif
