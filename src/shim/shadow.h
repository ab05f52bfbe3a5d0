/*
 * shadow: how a blocked SIGBUS is remembered.
 *
 * A fault while SIGBUS is blocked kills, whatever handler there is. So a program that blocks
 * SIGBUS blocks SIGSTKFLT instead: a signal that Linux defines and nothing sends. The kernel then
 * keeps the program's wish with the rest of the mask, through handlers, siglongjmp, setcontext,
 * fork, vfork, new threads and exec, where a variable of ours would go wrong.
 *
 * In the same way an ignored SIGBUS is told to a program that is executed.
 *
 * What the program reads is translated back. Whether it blocked SIGSTKFLT too is then not known:
 * it is told that it did where SIGPWR is blocked, which nobody does but with a full set.
 */
#ifndef MAPHERD_SHADOW_H
#define MAPHERD_SHADOW_H

#include <signal.h>
#include <stdint.h>

#include "base/sys.h"

#define SHADOW_BUS SYS_SIGNAL_BIT(SIGBUS)
#define SHADOW SYS_SIGNAL_BIT(SIGSTKFLT)

/* The set that the kernel gets where the program wants these blocked, or unblocked. */
static inline uint64_t shadow_block(uint64_t set)
{
    return set & SHADOW_BUS ? (set & ~SHADOW_BUS) | SHADOW : set & ~SHADOW;
}

static inline uint64_t shadow_unblock(uint64_t set)
{
    return set & SHADOW_BUS ? set | SHADOW : set & ~SHADOW;
}

/* What the program sees of the kernel's mask. SIGBUS may be in there itself: in its handler, and
 * while one that was sent waits for being unblocked. */
static inline uint64_t shadow_seen(uint64_t mask)
{
    uint64_t seen = mask & ~(SHADOW_BUS | SHADOW);
    if (mask & (SHADOW_BUS | SHADOW))
        seen |= SHADOW_BUS;
    if (mask & SYS_SIGNAL_BIT(SIGPWR))
        seen |= SHADOW;
    return seen;
}

#endif
