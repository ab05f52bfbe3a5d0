/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * aside: a function on a stack of the library's own.
 *
 * A signal handler runs on the stack that the program has given it. That may be an alternate stack
 * of 4 KiB, of which the kernel's frame takes most. A function that needs more than a few hundred
 * bytes runs aside.
 */
#ifndef MAPHERD_ASIDE_H
#define MAPHERD_ASIDE_H

#include <signal.h>

/*
 * Calls f(argument) on the library's own stack, of 64 KiB, and returns after it. There is one such
 * stack: the caller holds a lock that makes it the only caller, and has blocked the signals that
 * are sent to the thread. f must not jump out. in_use is the thread's alternate signal stack, as in
 * uc_stack of the handler's context. If the caller runs on it, it is taken out of use meanwhile:
 * otherwise the kernel would deliver a signal that f raises at its top, over the frames of the
 * caller. Async-signal-safe; about 100 bytes of the caller's stack.
 */
void aside_call(void (*f)(void *), void *argument, const stack_t *in_use);

#endif
