/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * disposition: see disposition.h.
 *
 * There are 64 slots, and one word, the mark, says which of them is in force. A bit in taken says
 * that a slot is in use: a writer sets it, fills the slot, publishes it, and clears the bit of the
 * slot that was in force before. The mark also has a number that grows with every change, so that a
 * slot which comes into force again has another mark. If a process forks while another thread is
 * changing the action, the child does not get that slot back.
 */
#define _GNU_SOURCE
#include "entry/disposition.h"

#define SLOTS 64
#define SLOT_OF(mark) ((unsigned)((mark) % SLOTS))

static struct sys_action slots[SLOTS];
static uint64_t taken = 1; /* slot 0 is in force from the start: SIG_DFL */
static uint64_t current;   /* number * SLOTS + slot */

bool disposition_is(uint64_t mark)
{
    return __atomic_load_n(&current, __ATOMIC_ACQUIRE) == mark;
}

static void copy(struct sys_action *to, const struct sys_action *from)
{
    __atomic_store_n(&to->handler, __atomic_load_n(&from->handler, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
    __atomic_store_n(&to->flags, __atomic_load_n(&from->flags, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
    __atomic_store_n(&to->restorer, __atomic_load_n(&from->restorer, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
    __atomic_store_n(&to->mask, __atomic_load_n(&from->mask, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

uint64_t disposition_read(struct sys_action *now)
{
    for (;;) {
        uint64_t mark = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
        copy(now, &slots[SLOT_OF(mark)]);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&current, __ATOMIC_RELAXED) == mark)
            return mark;
    }
}

/* A handler that jumps out of sigaction, which is async-signal-safe, leaves a slot taken. When no
 * slot has been free for longer than any thread needs one, all but the one in force are freed. */
static void free_slots(void)
{
    uint64_t all = UINT64_MAX;
    uint64_t mark = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
    __atomic_compare_exchange_n(&taken, &all, (uint64_t)1 << SLOT_OF(mark), false, __ATOMIC_ACQUIRE,
                                __ATOMIC_RELAXED);
}

static unsigned take_slot(void)
{
    enum { LOOKS = 1000000 };
    for (unsigned looks = 0;;) {
        uint64_t seen = __atomic_load_n(&taken, __ATOMIC_RELAXED);
        if (seen == UINT64_MAX) {
            if (looks++ == LOOKS)
                free_slots();
            continue;
        }
        unsigned slot = (unsigned)__builtin_ctzll(~seen);
        if (__atomic_compare_exchange_n(&taken, &seen, seen | (uint64_t)1 << slot, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return slot;
    }
}

static void give_back(unsigned slot)
{
    __atomic_fetch_and(&taken, ~((uint64_t)1 << slot), __ATOMIC_RELEASE);
}

bool disposition_change(uint64_t mark, const struct sys_action *wanted)
{
    unsigned slot = take_slot();
    /* A reader that finds the new content in an old slot finds another mark too. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    copy(&slots[slot], wanted);
    uint64_t expected = mark;
    bool changed =
        __atomic_compare_exchange_n(&current, &expected, (mark / SLOTS + 1) * SLOTS + slot, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    give_back(changed ? SLOT_OF(mark) : slot);
    return changed;
}

/* ---- the mask ---- */

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
