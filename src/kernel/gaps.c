/*
 * gaps: what lies between the lines of /proc/self/maps.
 */
#define _GNU_SOURCE
#include "kernel/gaps.h"

#include "kernel/lock.h"
#include "kernel/procmaps.h"

/* The kernel gives no lower address by itself: vm.mmap_min_addr is 64 KiB. */
#define LOWEST (64UL << 10)

/* It is static because a call has just failed for want of memory. It takes none until it is
 * used. */
static char buffer[16UL << 10];
static struct lock buffer_lock = { .rank = LOCK_LAST };

void gaps_after_fork(void)
{
    lock_reset(&buffer_lock);
}

struct walk {
    uintptr_t end;
    size_t largest;
};

static bool step(const struct procmap *m, void *context)
{
    struct walk *w = context;
    if (procmaps_counts(m) && m->start > w->end && m->start - w->end > w->largest)
        w->largest = m->start - w->end;
    w->end = m->end;
    return true;
}

size_t gaps_largest(void)
{
    struct walk w = { LOWEST, 0 };
    if (!lock_try(&buffer_lock))
        return 0;
    long lines = procmaps_scan(PROCMAPS_SELF, buffer, sizeof buffer, step, &w);
    lock_drop(&buffer_lock);
    return lines > 0 ? w.largest : 0;
}
