/*
 * changes: see changes.h.
 */
#include "space/changes.h"

#include "kernel/lock.h"

/* So many calls are listed at a time. Further ones are only counted, in unknown. */
#define MOST 64

static struct {
    uintptr_t start, end;
    int thread;
} ranges[MOST];
static unsigned count, unknown;

void changes_begin(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    if (count == MOST) {
        unknown++;
        return;
    }
    ranges[count].start = start;
    ranges[count].end = end;
    ranges[count].thread = lock_thread();
    count++;
}

void changes_end(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    for (unsigned i = 0; i < count; i++) {
        if (ranges[i].start == start && ranges[i].end == end) {
            ranges[i] = ranges[--count];
            return;
        }
    }
    if (unknown)
        unknown--;
}

bool changes_meet(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    unsigned met = unknown;
    for (unsigned i = 0; i < count; i++)
        met += ranges[i].start < end && start < ranges[i].end;
    return met > 1;
}

bool changes_mine(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    bool mine = !unknown;
    for (unsigned i = 0; i < count; i++)
        mine &=
            ranges[i].start >= end || start >= ranges[i].end || ranges[i].thread == lock_thread();
    return mine;
}

void changes_after_fork(void)
{
    count = unknown = 0;
}
