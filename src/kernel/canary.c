/*
 * canary: three pages that are split and made whole again.
 */
#define _GNU_SOURCE
#include "kernel/canary.h"

#include <sys/mman.h>

#include "common/pages.h"
#include "kernel/lock.h"
#include "kernel/sys.h"

static uintptr_t canary;
static struct lock canary_lock; /* two threads at once would find each other's split */

void canary_after_fork(void)
{
    lock_reset(&canary_lock);
}

void canary_start(uintptr_t addr)
{
    canary = addr;
}

bool canary_at_limit(void)
{
    if (!canary)
        return false;
    if (!lock_take(&canary_lock))
        return true; /* a handler, in the middle of the question: a split has just been refused */
    uintptr_t middle = canary + page_size;
    bool full = sys_madvise(middle, page_size, MADV_RANDOM) < 0; /* EAGAIN; ENOMEM up to 5.10 */
    sys_madvise(middle, page_size, MADV_NORMAL);
    if (full) {
        /* At limit - 1 the first of the two splits is made and the second refused. A change of
         * the whole first part needs none, and the change back merges it with the rest. */
        sys_madvise(canary, page_size, MADV_RANDOM);
        sys_madvise(canary, page_size, MADV_NORMAL);
    }
    lock_drop(&canary_lock);
    return full;
}
