/*
 * shadow: see shadow.h.
 */
#define _GNU_SOURCE
#include "entry/shadow.h"

static bool given_up;

bool shadow_given_up(void)
{
    return __atomic_load_n(&given_up, __ATOMIC_RELAXED);
}

void shadow_give_up(void)
{
    uint64_t mask;
    bool known = sys_sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && (mask & SHADOW);
    uint64_t believed = known ? shadow_seen(mask) : 0;
    if (!__atomic_exchange_n(&given_up, true, __ATOMIC_ACQ_REL) && known)
        sys_sigprocmask(SIG_SETMASK, &believed, NULL);
}

bool shadow_is_used(uint64_t set)
{
    struct sys_action now;
    if (shadow_given_up() || !(set & (SHADOW_BUS | SHADOW)))
        return false;
    if (!(set & SHADOW_BUS))
        return true;
    return sys_sigaction(SIGSTKFLT, NULL, &now) == 0 && now.handler > (uintptr_t)SIG_IGN;
}

uint64_t shadow_block(uint64_t set)
{
    if (shadow_given_up())
        return set;
    return set & SHADOW_BUS ? (set & ~SHADOW_BUS) | SHADOW : set & ~SHADOW;
}

uint64_t shadow_unblock(uint64_t set)
{
    if (shadow_given_up())
        return set;
    return set & SHADOW_BUS ? set | SHADOW : set & ~SHADOW;
}

uint64_t shadow_seen(uint64_t mask)
{
    if (shadow_given_up())
        return mask;
    uint64_t seen = mask & ~(SHADOW_BUS | SHADOW);
    if (mask & (SHADOW_BUS | SHADOW))
        seen |= SHADOW_BUS;
    if ((mask & (SHADOW_BUS | SHADOW)) && (mask & SYS_SIGNAL_BIT(SIGPWR)))
        seen |= SHADOW;
    return seen;
}
