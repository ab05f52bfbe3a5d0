/*
 * changes: the ranges that calls of the program are changing in place now.
 *
 * A call that changes a range (mprotect, madvise, mlock) is entered here before the kernel gets it,
 * and leaves afterwards. No lock is held in between. Code that looks at pages and then acts on that
 * must not meet such a call. So it asks here first, and holds the model lock until it has acted: no
 * call can be entered meanwhile. Every function needs the model lock.
 */
#ifndef MAPHERD_CHANGES_H
#define MAPHERD_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

/* Enters a call of this thread, before the kernel gets it. */
void changes_begin(uintptr_t start, uintptr_t end);

/* Takes the call out again, when the kernel has answered. */
void changes_end(uintptr_t start, uintptr_t end);

/* True if every call that is changing a part of the range is of this thread: a signal handler runs,
 * and has interrupted them. */
bool changes_mine(uintptr_t start, uintptr_t end);

/* True if a call other than the caller's own is, or may be, changing a part of the range. */
bool changes_meet(uintptr_t start, uintptr_t end);

/* Forgets all calls. For a forked child, which does not have the threads that made them. */
void changes_after_fork(void);

#endif
