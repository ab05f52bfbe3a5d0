/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * gate: whether the library acts on a call at all, and the way in and out of the model.
 *
 * The gate is closed before the constructor has ended and after the destructor has begun, in a
 * sandbox, and where the process was not chosen (MAPHERD_ONLY, MAPHERD_SKIP): hooks are plain
 * system calls then. While it is open, a call takes the model lock with gate_take.
 *
 * All functions but gate_start and the three of fork are thread- and async-signal-safe. None
 * changes errno.
 */
#ifndef MAPHERD_GATE_H
#define MAPHERD_GATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens the gate. For the constructor. state: of enum mapherd_state. guard: a page that the kernel
 * wipes in a forked child (MADV_WIPEONFORK), by which a fork that ran no handlers is noticed; NULL
 * where the kernel cannot do that.
 */
void gate_start(uint32_t state, unsigned char *guard);

/* Closes the gate for good. reason: of enum mapherd_reason. */
void gate_close(uint32_t reason);

/*
 * Whether the library must do nothing any more, not even about faults: the program has put itself
 * under a filter made for its own calls, it was forked in the middle of a change of the model, or
 * the library has found a mistake of its own.
 */
bool gate_helpless(void);

/* False in a vfork child, which has its parent's memory. */
bool gate_is_ours(void);

/* Whether the gate is open. False: the call passes through to the kernel. Notices a fork that
 * ran no handlers. */
bool gate_open(void);

/*
 * Takes the model lock for a call about this range, and waits while another thread is laying an
 * overlay there. model_drop releases the lock; it is not to be held over the program's own call.
 * False in a signal handler that interrupted the owner of the lock: the call goes straight to the
 * kernel, and the owner forgets the range before it releases the lock (model_unseen). If the call
 * has a second range, the caller names that to model_unseen.
 */
bool gate_take(uintptr_t start, uintptr_t end);

/*
 * Registers the three handlers below, as pthread_atfork(3) does; false: there is no memory. libc
 * calls the handlers before a fork in the reverse order of their registration. An allocator has one
 * that takes its locks, and maps memory while it holds them. Its handler has to come before ours:
 * else the forking thread waits with the model lock for the allocator's lock, which another thread
 * has, and that one waits for the model lock. So the handlers are registered at the first call of
 * a hook (gate_early), which comes before an allocator that maps registers its own (jemalloc); at
 * the latest in the constructor. Where libc is not glibc, and with an allocator that registers
 * before it calls any hook, ours may still run first.
 */
bool gate_at_fork(void);

/* A hook is called before the constructor, perhaps before this library is relocated. */
void gate_early(void);

/*
 * From now on every fork of libc comes by its system call (entry/redirect.h), and the handlers do
 * nothing. They would run too early: fork takes the locks of malloc after them, and a thread that
 * has one of these may wait for ours, because malloc's own calls pass through the library then. By
 * the time of the system call fork has taken all that it takes. For the constructor.
 */
void gate_forks_by_call(void);

/* Whether that is so: a hook of a fork has nothing to do. */
bool gate_sees_forks(void);

/* gate_before_fork takes the locks, in their order; the other two release them, and in the child
 * forget what is the parent's. They do nothing before gate_start. */
void gate_before_fork(void);
void gate_after_fork_in_parent(void);
void gate_after_fork_in_child(void);

/* Around the system call of a fork, or a fork that runs no handlers, in the same thread. child is
 * what the call has returned. gate_begin_fork returns false where the handlers have run, or another
 * thread does not end its fork: then the child notices the fork as one that ran none. */
bool gate_begin_fork(void);
void gate_end_fork(bool begun, long child);

#endif
