/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * canary: see canary.h.
 */
#define _GNU_SOURCE
#include "kernel/canary.h"

#include <sys/mman.h>

#include "common/pages.h"
#include "kernel/lock.h"
#include "kernel/sys.h"

static uintptr_t canary;
static struct lock canary_lock = {
    .rank = LOCK_LAST
}; /* two threads at once would find each other's split */

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
        return true; /* a handler has interrupted the question, and a split was just refused */
    uintptr_t middle = canary + page_size;
    bool full = sys_madvise(middle, page_size, MADV_RANDOM) < 0; /* EAGAIN; ENOMEM up to 5.10 */
    sys_madvise(middle, page_size, MADV_NORMAL);
    if (full) {
        /* At limit - 1 the kernel makes the first of the two splits and refuses the second. Advice
         * on the whole first part needs no split, and taking it back merges that part with the
         * rest. */
        sys_madvise(canary, page_size, MADV_RANDOM);
        sys_madvise(canary, page_size, MADV_NORMAL);
    }
    lock_drop(&canary_lock);
    return full;
}
