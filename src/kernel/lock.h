/*
 * lock: a mutex that knows its owner.
 *
 * A signal handler may run a hook on a thread that is inside the library. It must not wait for
 * itself: lock_take says no, and the call passes straight to the kernel. Owner and state are one
 * word, so that there is no moment at which a handler could find the lock taken by nobody.
 *
 * The lock order, which fork follows too: read_lock (space/count.c), retained_lock
 * (herd/retained.c), overlay_lock (disk/overlays.h), the model lock (space/model.h). Four more are
 * taken last and alone: turn
 * (limit/reserve.c), canary_lock (kernel/canary.c), buffer_lock (kernel/gaps.c), record_lock
 * (tell/recordfile.h). A child frees all
 * of them. A handler above the model lock's owner waits for none (model_mine). No lock is held over
 * disk I/O, but retained_lock over a munmap or a fixed map, once something was retained, and
 * overlay_lock
 * while pages go to the spill file and back: who faults meanwhile has to wait.
 *
 * A thread that leaves a hook by siglongjmp out of a handler, or by asynchronous cancellation,
 * takes its lock with it, as it would malloc's: mmap and its kin are not async-signal-safe.
 */
#ifndef MAPHERD_LOCK_H
#define MAPHERD_LOCK_H

#include <stdbool.h>

struct lock {
    int word; /* 0 free; else the owner's thread id, with LOCK_WAITED if somebody sleeps */
};

/* The owner of a lock that the caller holds: its own thread's id. */
#define LOCK_WAITED (1 << 30) /* thread ids end at 2^22 (kernel: PID_MAX_LIMIT) */
static inline int lock_owner(const struct lock *l)
{
    return l->word & ~LOCK_WAITED;
}

/* The id of this thread. */
int lock_thread(void);

/* Waits and takes the lock: true. At once false where this thread holds it already. */
bool lock_take(struct lock *l);

/* This thread holds it: a handler has interrupted the owner. */
bool lock_mine(const struct lock *l);

/* Takes the lock if it is free, never waits. */
bool lock_try(struct lock *l);

void lock_drop(struct lock *l);

/* In a forked child: the lock as new. */
void lock_reset(struct lock *l);

/* In a forked child: its only thread has another id than the parent's. */
void lock_forget_thread(void);

#endif
