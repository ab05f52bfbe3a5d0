/*
 * aside: a function on a stack of the library's own.
 *
 * A signal handler runs on whatever stack the program gave it, which may be an alternate one of 4
 * KiB, most of it taken by the kernel's frame. What needs more room than a few hundred bytes runs
 * aside.
 */
#ifndef MAPHERD_ASIDE_H
#define MAPHERD_ASIDE_H

#include <signal.h>

/*
 * Calls f(argument) on the library's own stack and returns after it. There is one such stack: the
 * caller holds a lock that makes it the only one, blocks the signals that are sent to it, and f does
 * not jump out. in_use is the alternate signal stack of the thread, as in the uc_stack of the
 * handler's context: if the caller runs on it, it is taken out of use meanwhile, or else a signal
 * that f raises would be delivered at its top, over the frames of the caller.
 * Async-signal-safe; about 100 bytes of the caller's stack.
 */
void aside_call(void (*f)(void *), void *argument, const stack_t *in_use);

#endif
