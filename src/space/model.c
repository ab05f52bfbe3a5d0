/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * model: see model.h. Signal handlers may have changed ranges without the lock.
 */
#define _GNU_SOURCE
#include "space/model.h"

#include "space/regions.h"

#define UNSEEN_MAX 32

/* The ranges that signal handlers have changed while they interrupted the lock's owner. Only the
 * owner and those handlers use it. */
static struct {
    struct {
        uintptr_t start, end;
    } ranges[UNSEEN_MAX];
    unsigned count; /* UNSEEN_MAX + 1: too many; everything is to be forgotten */
} unseen;

static void forget_unseen(void)
{
    while (unseen.count) {
        unsigned n = unseen.count;
        if (n > UNSEEN_MAX)
            regions_forget(0, UINTPTR_MAX);
        else
            for (unsigned i = 0; i < n; i++)
                regions_forget(unseen.ranges[i].start, unseen.ranges[i].end);
        /* A handler may have added a range meanwhile. Then everything is forgotten in the next
         * round. */
        unsigned now = __atomic_load_n(&unseen.count, __ATOMIC_RELAXED);
        if (now == n)
            unseen.count = 0;
        else
            unseen.count = UNSEEN_MAX + 1;
    }
}

/* A handler may interrupt model_drop between its check and the release of the lock. What that
 * handler changes is forgotten here, before the model is used. */
bool model_take(void)
{
    if (!lock_take(&model_lock))
        return false;
    if (unseen.count)
        forget_unseen();
    return true;
}

void model_drop(void)
{
    if (unseen.count)
        forget_unseen();
    lock_drop(&model_lock);
}

bool model_mine(void)
{
    return lock_mine(&model_lock);
}

void model_unseen(uintptr_t start, uintptr_t end)
{
    if (unseen.count < UNSEEN_MAX) {
        unseen.ranges[unseen.count].start = start;
        unseen.ranges[unseen.count].end = end;
    }
    if (unseen.count <= UNSEEN_MAX)
        unseen.count++;
}

bool model_left_taken(void)
{
    return __atomic_load_n(&model_lock.word, __ATOMIC_RELAXED) != 0;
}

void model_after_fork(void)
{
    lock_reset(&model_lock);
}

/* ---- calls that change a range in place ---- */

/* So many calls are listed at a time. Further ones are only counted, in unknown. */
#define CHANGES_MAX 64

static struct {
    uintptr_t start, end;
    int thread;
} changes[CHANGES_MAX];
static unsigned changes_count, unknown;

void changes_begin(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    if (changes_count == CHANGES_MAX) {
        unknown++;
        return;
    }
    changes[changes_count].start = start;
    changes[changes_count].end = end;
    changes[changes_count].thread = lock_thread();
    changes_count++;
}

void changes_end(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    for (unsigned i = 0; i < changes_count; i++) {
        if (changes[i].start == start && changes[i].end == end) {
            changes[i] = changes[--changes_count];
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
    for (unsigned i = 0; i < changes_count; i++)
        met += changes[i].start < end && start < changes[i].end;
    return met > 1;
}

bool changes_mine(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    bool mine = !unknown;
    for (unsigned i = 0; i < changes_count; i++)
        mine &= changes[i].start >= end || start >= changes[i].end ||
                changes[i].thread == lock_thread();
    return mine;
}

void changes_after_fork(void)
{
    changes_count = unknown = 0;
}
