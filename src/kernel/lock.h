/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * lock: a mutex that knows its owner.
 *
 * A signal handler may call a hook on a thread that is inside the library. That call must not wait
 * for its own thread: lock_take refuses it, and the call passes straight to the kernel. Owner and
 * state are one word, so a handler never finds a lock that is taken and has no owner.
 *
 * enum lock_rank is the order in which locks are taken, by fork too. A forked child frees those of
 * threads that it does not have. A handler that has interrupted the owner of the model lock waits
 * for no other lock (model_mine). No lock is held over disk I/O, with two exceptions: retained_lock
 * over a munmap or a fixed map, once a range has been retained, and overlay_lock while pages go to
 * the spill file and back. A thread that faults meanwhile has to wait.
 *
 * A function that needs a lock asserts it (LOCK_ASSERT). Where that fails, mapherd has a mistake:
 * the end of the call says so in the log and closes the gate, and the program runs on without
 * mapherd. The order is checked where LOCK_ORDER_CHECKED is defined, as in the unit tests.
 *
 * A thread that leaves a hook by siglongjmp out of a handler, or by asynchronous cancellation,
 * keeps its lock, as it would keep malloc's: mmap and its kind are not async-signal-safe. Other
 * threads wait for ever then (doc/decisions.md).
 *
 * Every function is async-signal-safe.
 */
#ifndef MAPHERD_LOCK_H
#define MAPHERD_LOCK_H

#include <stdbool.h>

/* A thread may take a lock while it holds those of lower ranks only. */
enum lock_rank {
    LOCK_SCAN,     /* scan_lock, space/count.c */
    LOCK_RETAINED, /* retained_lock, herd/retention.c */
    LOCK_OVERLAYS, /* overlay_lock, disk/overlays.h */
    LOCK_MODEL,    /* model_lock, space/model.h */
    LOCK_LAST,     /* none but cold_lock is taken while one of these is held: turn
                      (limit/reserve.c), canary_lock (kernel/canary.c), buffer_lock
                      (kernel/procmaps.c), record_lock (tell/recordfile.h) */
    LOCK_COLD,     /* coldset_lock, limit/coldset.h: in the handler of a fault, under any other */
};

struct lock {
    int word; /* 0: free; else the owner's thread id, with LOCK_WAITED if a thread sleeps for it */
    enum lock_rank rank;
};

#define LOCK_WAITED (1 << 30) /* thread ids end at 2^22 (kernel: PID_MAX_LIMIT) */

/* The thread id of the lock's owner, for the owner itself; another thread may see it change. */
static inline int lock_owner(const struct lock *l)
{
    return __atomic_load_n(&l->word, __ATOMIC_RELAXED) & ~LOCK_WAITED;
}

/* This thread's id; 0 before its first lock. initial-exec: the default model may allocate at the
 * first use, in a signal handler too. A vfork child has its parent's id here. That is right,
 * because the parent sleeps and the two share the memory. */
extern __thread int lock_thread_id __attribute__((tls_model("initial-exec")));

/* Returns the id of this thread. */
int lock_thread(void);

/* Waits until the lock is free, takes it and returns true. Returns false at once where this thread
 * holds it already. */
bool lock_take(struct lock *l);

/* True if this thread holds the lock. In a handler: the handler has interrupted the owner. */
static inline bool lock_mine(const struct lock *l)
{
    int owner = lock_owner(l);
    return owner && owner == lock_thread_id;
}

/* The lock of the model, which model_take and model_drop (space/model.h) take and release. It is
 * declared here because model.c includes files whose functions assert it. */
extern struct lock model_lock;

/* For the beginning of a function whose caller has to hold the lock. */
#define LOCK_ASSERT(l) ((void)(lock_mine(l) || (lock_mistaken(__func__), 0)))

/* Notes the name of a function that was called without its lock, or that took a lock out of order,
 * and sets DUE_MISTAKE (common/due.h). */
void lock_mistaken(const char *function);

/* The name that was noted first; NULL: none. */
const char *lock_mistake(void);

/* Takes the lock if it is free. Never waits. */
bool lock_try(struct lock *l);

/* Releases the lock, which this thread holds, and wakes a thread that sleeps for it. */
void lock_drop(struct lock *l);

/* Both are for a forked child, in this order. lock_forget_thread: its only thread has another id
 * than in the parent. lock_reset: frees the lock, unless this thread had it in the parent, and so
 * has it still: fork has taken it, or a signal handler that forks has interrupted its owner. */
void lock_forget_thread(void);
void lock_reset(struct lock *l);

#endif
