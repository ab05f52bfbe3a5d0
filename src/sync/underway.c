/*
 * underway: a table of a few syncs. See underway.h.
 */
#define _GNU_SOURCE
#include "sync/underway.h"

#include <stdbool.h>
#include <stddef.h>

#include "kernel/lock.h"
#include "kernel/sys.h"
#include "space/model.h"

#define SYNCS 16

/* Model lock held. */
static struct sync {
    uint64_t number; /* 0: this place is empty */
    uintptr_t start, stop;
    int thread;
} syncs[SYNCS];
static uint64_t last_number;

/* How many places are taken. Is read without the lock. */
static unsigned taken;

static void empty(struct sync *s)
{
    s->number = 0;
    __atomic_fetch_sub(&taken, 1, __ATOMIC_SEQ_CST);
}

uint64_t underway_enter(uintptr_t start, uintptr_t stop)
{
    LOCK_ASSERT(&model_lock);
    struct sync *place = syncs;
    for (struct sync *s = syncs; s < syncs + SYNCS; s++)
        if (s->number < place->number)
            place = s;
    if (place->number)
        empty(place);
    *place = (struct sync){ ++last_number, start, stop, lock_thread() };
    __atomic_fetch_add(&taken, 1, __ATOMIC_SEQ_CST);
    return last_number;
}

void underway_leave(uint64_t number)
{
    LOCK_ASSERT(&model_lock);
    for (struct sync *s = syncs; s < syncs + SYNCS; s++)
        if (s->number == number)
            empty(s);
}

/* True if a sync of another thread over a part of the range is under way, one of the numbers up to
 * last. late: the wait is over, and such syncs are taken for lost. */
static bool any_over(uintptr_t start, uintptr_t end, uint64_t last, bool late)
{
    bool any = false;
    for (struct sync *s = syncs; s < syncs + SYNCS; s++) {
        if (!s->number || s->number > last || s->stop <= start || s->start >= end ||
            s->thread == lock_thread())
            continue;
        if (late)
            empty(s);
        else
            any = true;
    }
    return any;
}

void underway_wait(uintptr_t start, uintptr_t end)
{
    if (!__atomic_load_n(&taken, __ATOMIC_SEQ_CST) || !model_take())
        return;
    const uint64_t last = last_number, until = sys_now_ms() + UNDERWAY_WAIT_MS;
    while (any_over(start, end, last, sys_now_ms() >= until)) {
        model_drop();
        sys_nap(1);
        if (!model_take())
            return;
    }
    model_drop();
}
