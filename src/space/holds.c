/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holds: see holds.h.
 */
#include "space/holds.h"

#include "common/due.h"
#include "kernel/lock.h"

static unsigned held[HOLDS_MAX + 1];
static unsigned idle; /* is read without the lock */

void holds_begin(unsigned n)
{
    LOCK_ASSERT(&model_lock);
    held[n] = 1;
}

void holds_add(unsigned n)
{
    LOCK_ASSERT(&model_lock);
    if (n && held[n]++ == 0)
        __atomic_fetch_sub(&idle, 1, __ATOMIC_RELAXED);
}

void holds_drop(unsigned n)
{
    LOCK_ASSERT(&model_lock);
    if (n && --held[n] == 0) {
        __atomic_fetch_add(&idle, 1, __ATOMIC_RELAXED);
        due_set(DUE_KEEPS);
    }
}

bool holds_end(unsigned n)
{
    LOCK_ASSERT(&model_lock);
    if (held[n])
        return false;
    __atomic_fetch_sub(&idle, 1, __ATOMIC_RELAXED);
    return true;
}

unsigned holds_idle(void)
{
    return __atomic_load_n(&idle, __ATOMIC_RELAXED);
}
