/*
 * gate: what every call passes on its way in and out of the model.
 *
 * Closed, before the constructor ended and after the destructor began, hooks are plain system
 * calls. Open, a call takes the model lock with gate_take; in a signal handler that interrupted
 * the lock's owner on its own thread that says no, the call goes straight to the kernel, and the
 * interrupted frame forgets the range before it drops the lock.
 */
#ifndef MAPHERD_GATE_H
#define MAPHERD_GATE_H

#include <stdbool.h>
#include <stdint.h>

/* guard: a page that the kernel wipes in a forked child (MADV_WIPEONFORK), for noticing forks
 * that ran no handlers; NULL if it cannot. state: enum mapherd_state. */
void gate_start(uint32_t state, unsigned char *guard);

/* For good. reason: enum mapherd_reason. */
void gate_close(uint32_t reason);

/* Nothing is done about faults any more: the program put itself under a filter for its own calls, or
 * was forked in the middle of somebody's change of the model. */
bool gate_helpless(void);

/* False in a vfork child, whose memory is its parent's. */
bool gate_is_ours(void);

/* False: pass through. */
bool gate_open(void);

/* The model lock, for a call about this range; model_drop releases it. Not held over the program's own
 * call. False in a handler above its owner: the range has been noted (model_unseen), and a second
 * range of such a call is for the caller to note. */
bool gate_take(uintptr_t start, uintptr_t end);

/* pthread_atfork's three. */
void gate_before_fork(void);
void gate_after_fork_in_parent(void);
void gate_after_fork_in_child(void);

#endif
