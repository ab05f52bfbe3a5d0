/*
 * underway: the widened syncs that the kernel has not answered yet.
 *
 * The kernel tells an error of write-back once for each open file. A widened sync may be told what
 * concerns the ranges ahead, and it takes a moment until it has left the error for them
 * (space/pending.h). Meanwhile the kernel says 0 to another thread that syncs such a range. So a
 * thread to which the kernel has said 0 waits for the widened syncs over its range, and looks for
 * a pending error only then.
 *
 * A thread may never come back from its sync: it was cancelled in it, or has left by siglongjmp. So
 * a thread that waits gives up after a time, and nobody waits for that sync again. The moment is
 * much shorter than that.
 */
#ifndef MAPHERD_UNDERWAY_H
#define MAPHERD_UNDERWAY_H

#include <stdint.h>

/* A sync of [start, stop) by this thread begins. Returns its number, which is not 0. Where there
 * are too many, the oldest one is waited for no more. Model lock held. */
uint64_t underway_enter(uintptr_t start, uintptr_t stop);

/* That sync has ended, and its error is pending for the others. Model lock held. */
void underway_leave(uint64_t number);

/*
 * Waits until no sync of another thread over a part of the range is under way that was so when this
 * function was called; at most UNDERWAY_WAIT_MS. The caller holds no lock; takes the model lock if
 * any sync is under way. Async-signal-safe: the thread's own syncs are not waited for.
 */
void underway_wait(uintptr_t start, uintptr_t end);
#define UNDERWAY_WAIT_MS 1000

#endif
