/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * disposition: the action for SIGBUS as the program set it.
 *
 * sigaction is async-signal-safe, so the functions here take no lock and are async-signal- and
 * thread-safe. A writer fills a slot of its own and publishes it by one compare-and-swap. A reader
 * copies the published slot, and copies again if another one was published meanwhile. So a signal
 * handler may do either while the thread that it interrupted is in the middle of it. errno stays as
 * it was.
 */
#ifndef MAPHERD_DISPOSITION_H
#define MAPHERD_DISPOSITION_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/sys.h"

/* Copies the action that is in force to *now. Returns its mark, by which the two functions below
 * know it. */
uint64_t disposition_read(struct sys_action *now);

/* Replaces the action with that mark by *wanted. False: it is no longer in force, and nothing
 * has changed. */
bool disposition_change(uint64_t mark, const struct sys_action *wanted);

/* Whether the action with that mark is still in force. */
bool disposition_is(uint64_t mark);

/* ---- the mask ---- */

/*
 * How a blocked SIGBUS is remembered.
 *
 * A fault while SIGBUS is blocked ends the process, whatever handler there is. So where a program
 * blocks SIGBUS, the library blocks SIGSTKFLT in its place, the shadow: a signal that Linux defines
 * and nothing sends. In this way the kernel keeps what the program asked for with the rest of the
 * mask, through handlers, siglongjmp, setcontext, fork, vfork, new threads and exec, where a
 * variable of the library would be wrong.
 *
 * In the same way, the action of SIGSTKFLT tells a program that is executed that SIGBUS is ignored.
 *
 * What the program reads of its mask is translated back. Whether it blocked SIGSTKFLT too is then
 * not known. The translation says so where SIGPWR is blocked as well, which programs do only as
 * part of a full set.
 *
 * A program may have a use for SIGSTKFLT of its own: it sets a handler for it, or blocks it without
 * SIGBUS, as for sigwait or signalfd. Then the shadow is given up for good. Each of the two signals
 * is itself from there on, a blocked SIGBUS is blocked in the kernel, and a fault meanwhile ends
 * the process, as it does without mapherd.
 *
 * A set is the kernel's: bit n - 1 for signal n. All functions are thread- and async-signal-safe
 * and take no lock. None changes errno.
 */

#define SHADOW_BUS SYS_SIGNAL_BIT(SIGBUS)
#define SHADOW SYS_SIGNAL_BIT(SIGSTKFLT)

/* Whether the shadow is given up. */
bool shadow_given_up(void);

/*
 * Gives the shadow up for good. The mask of the calling thread becomes the one that the program
 * sees. Other threads that blocked SIGBUS before keep SIGSTKFLT blocked in its place until they
 * change their masks.
 */
void shadow_give_up(void);

/* set: signals that the program is about to block, or the mask of a handler. True if the program
 * has a use for SIGSTKFLT, as the set shows, or the action that the kernel has for it. */
bool shadow_is_used(uint64_t set);

/* The sets that the kernel gets where the program blocks, or unblocks, this set. */
uint64_t shadow_block(uint64_t set);
uint64_t shadow_unblock(uint64_t set);

/* The mask that the program sees where the kernel has this one. SIGBUS itself is in it during
 * the program's handler, and while a SIGBUS that was sent is pending. */
uint64_t shadow_seen(uint64_t mask);

#endif
