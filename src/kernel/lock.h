/*
 * lock: a mutex that knows its owner.
 *
 * A signal handler may call a hook on a thread that is inside the library. That call must not wait
 * for its own thread: lock_take refuses it, and the call passes straight to the kernel. Owner and
 * state are one word, so a handler never finds a lock that is taken and has no owner.
 *
 * The locks are taken in this order, by fork too: scan_lock (space/count.c), retained_lock
 * (herd/retained.c), overlay_lock (disk/overlays.h), the model lock (space/model.h). Four others
 * are taken after these, and none is taken while one of them is held: turn (limit/reserve.c),
 * canary_lock (kernel/canary.c), buffer_lock (kernel/gaps.c), record_lock (tell/recordfile.h). A
 * forked child frees all of them. A handler that has interrupted the owner of the model lock waits
 * for no other lock (model_mine). No lock is held over disk I/O, with two exceptions: retained_lock
 * over a munmap or a fixed map, once a range has been retained, and overlay_lock while pages go to
 * the spill file and back. A thread that faults meanwhile has to wait.
 *
 * A thread that leaves a hook by siglongjmp out of a handler, or by asynchronous cancellation,
 * keeps its lock, as it would keep malloc's: mmap and its kind are not async-signal-safe.
 *
 * Every function is async-signal-safe.
 */
#ifndef MAPHERD_LOCK_H
#define MAPHERD_LOCK_H

#include <stdbool.h>

struct lock {
    int word; /* 0: free; else the owner's thread id, with LOCK_WAITED if a thread sleeps for it */
};

#define LOCK_WAITED (1 << 30) /* thread ids end at 2^22 (kernel: PID_MAX_LIMIT) */

/* The thread id of the lock's owner, for the owner itself; another thread may see it change. */
static inline int lock_owner(const struct lock *l)
{
    return l->word & ~LOCK_WAITED;
}

/* Returns the id of this thread. */
int lock_thread(void);

/* Waits until the lock is free, takes it and returns true. Returns false at once where this thread
 * holds it already. */
bool lock_take(struct lock *l);

/* True if this thread holds the lock. In a handler: the handler has interrupted the owner. */
bool lock_mine(const struct lock *l);

/* Takes the lock if it is free. Never waits. */
bool lock_try(struct lock *l);

/* Releases the lock, which this thread holds, and wakes a thread that sleeps for it. */
void lock_drop(struct lock *l);

/* Frees the lock, whatever its state. For a forked child. */
void lock_reset(struct lock *l);

/* Forgets the thread's id. For a forked child: its only thread has another id than in the
 * parent. */
void lock_forget_thread(void);

#endif
