/*
 * disposition: slots, and one word that says which of them is in force.
 *
 * A slot is taken by a bit in `taken`, filled, published, and given back when another took its
 * place. The word carries a number that grows with every change: a slot that came into force
 * again is not mistaken for what it held before. A child that was forked while another thread
 * was in here loses that thread's slot; there are 64.
 */
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
    __atomic_store_n(&to->flags, __atomic_load_n(&from->flags, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
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

/* Waits only while 63 others are in the middle of a change. */
static unsigned take_slot(void)
{
    for (;;) {
        uint64_t seen = __atomic_load_n(&taken, __ATOMIC_RELAXED);
        if (seen == UINT64_MAX)
            continue;
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
    bool changed = __atomic_compare_exchange_n(&current, &expected,
                                               (mark / SLOTS + 1) * SLOTS + slot, false,
                                               __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    give_back(changed ? SLOT_OF(mark) : slot);
    return changed;
}
