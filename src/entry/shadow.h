/*
 * shadow: how a blocked SIGBUS is remembered.
 *
 * A fault while SIGBUS is blocked kills, whatever handler there is. So a program that blocks
 * SIGBUS blocks SIGSTKFLT instead: a signal that Linux defines and nothing sends. The kernel then
 * keeps what the program asked for with the rest of the mask, through handlers, siglongjmp, setcontext,
 * fork, vfork, new threads and exec, where a variable of ours would go wrong.
 *
 * In the same way an ignored SIGBUS is told to a program that is executed.
 *
 * What the program reads is translated back. Whether it blocked SIGSTKFLT too is then not known:
 * it is told that it did where SIGPWR is blocked besides, which nobody does but with a full set.
 *
 * A program that has a use for SIGSTKFLT gets it: once it has a handler for it, or blocks it and not
 * SIGBUS, as for sigwait or signalfd, the shadow is given up for good. Then each of the two signals
 * is itself, a blocked SIGBUS is blocked in the kernel, and a fault meanwhile kills, as alone.
 */
#ifndef MAPHERD_SHADOW_H
#define MAPHERD_SHADOW_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/sys.h"

#define SHADOW_BUS SYS_SIGNAL_BIT(SIGBUS)
#define SHADOW SYS_SIGNAL_BIT(SIGSTKFLT)

/* Each signal is itself. All that is here is async-signal-safe. */
bool shadow_given_up(void);

/* For good. The mask of the calling thread becomes what it believes; other threads that have blocked
 * SIGBUS before block SIGSTKFLT until they change their masks. */
void shadow_give_up(void);

/* A set that the program is about to block, or has for a handler: true if by it, or by the action that
 * the kernel has for it, SIGSTKFLT has a use of its own. */
bool shadow_is_used(uint64_t set);

/* The set that the kernel gets where the program wants these blocked, or unblocked. */
uint64_t shadow_block(uint64_t set);
uint64_t shadow_unblock(uint64_t set);

/* What the program sees of the kernel's mask. SIGBUS may be in there itself: in its handler, and
 * while one that was sent waits for being unblocked. */
uint64_t shadow_seen(uint64_t mask);

#endif
