/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * model: what the library knows of the program's mappings, the lock around it, and the calls that
 * are changing them now.
 *
 * What the other headers of this room know of mappings needs the model lock. The model has one
 * rule: a range is taken out before the kernel unmaps it, and is added after the kernel has mapped
 * it. So a range in the model is mapped, and a thread to which the kernel gives a freed address
 * never finds an old entry there. A range that is not in the model is unknown, and its calls pass
 * through. So it is always safe to forget a range.
 */
#ifndef MAPHERD_MODEL_H
#define MAPHERD_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lock.h"

/*
 * Waits for the model lock, takes it and returns true. Returns false at once in a signal handler
 * that has interrupted the lock's owner. The call of that handler passes straight to the kernel,
 * and model_unseen notes what it changes. Thread- and async-signal-safe.
 */
bool model_take(void);

/*
 * Releases the model lock; no other function does. Forgets first what handlers have noted
 * meanwhile, so that no thread relies on it.
 */
void model_drop(void);

/* True if this thread holds the model lock. In a handler: the handler has interrupted the owner. */
bool model_mine(void);

/* Notes that a handler which could not take the lock changes this range. */
void model_unseen(uintptr_t start, uintptr_t end);

/* True if the lock was held at the fork, by a thread that the child may not have. For a forked
 * child. */
bool model_left_taken(void);

/* lock_reset (kernel/lock.h) of the lock. For a forked child. */
void model_after_fork(void);

/* ---- calls that change a range in place ---- */

/*
 * A call that changes a range (mprotect, madvise, mlock) is entered here before the kernel gets it,
 * and leaves afterwards. No lock is held in between. Code that looks at pages and then acts on that
 * must not meet such a call. So it asks here first, and holds the model lock until it has acted: no
 * call can be entered meanwhile. These functions need the model lock.
 */

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
