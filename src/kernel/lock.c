/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * lock: a futex mutex whose word is its owner.
 */
#define _GNU_SOURCE
#include "kernel/lock.h"

#include <stddef.h>

#include "common/due.h"
#include "kernel/sys.h"

__thread int lock_thread_id __attribute__((tls_model("initial-exec")));
static const char *mistake;

struct lock model_lock = { .rank = LOCK_MODEL };

static int self(void)
{
    if (__builtin_expect(!lock_thread_id, 0))
        lock_thread_id = (int)sys_gettid();
    return lock_thread_id;
}

void lock_mistaken(const char *function)
{
    const char *none = NULL;
    __atomic_compare_exchange_n(&mistake, &none, function, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    due_set(DUE_MISTAKE);
}

const char *lock_mistake(void)
{
    return __atomic_load_n(&mistake, __ATOMIC_RELAXED);
}

#ifdef LOCK_ORDER_CHECKED
/* How many locks of each rank this thread holds. */
static __thread unsigned held[LOCK_COLD + 1] __attribute__((tls_model("initial-exec")));

static void check_order(const struct lock *l)
{
    for (unsigned rank = l->rank; rank <= LOCK_COLD; rank++)
        if (held[rank])
            lock_mistaken("lock_take");
}

static void note(const struct lock *l, unsigned one)
{
    held[l->rank] += one;
}
#else
static void check_order(const struct lock *l)
{
    (void)l;
}

static void note(const struct lock *l, unsigned one)
{
    (void)l;
    (void)one;
}
#endif

int lock_thread(void)
{
    return self();
}

static bool swap(struct lock *l, int from, int to)
{
    return __atomic_compare_exchange_n(&l->word, &from, to, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

bool lock_try(struct lock *l)
{
    bool taken = swap(l, 0, self());
    if (taken)
        note(l, 1);
    return taken;
}

/* Waits for it. False: this thread has it. It stands apart, so that lock_take saves few
 * registers. */
static bool __attribute__((noinline)) wait_for(struct lock *l)
{
    int me = self();
    for (int spins = 0; spins < 100; spins++) {
        if (swap(l, 0, me))
            return true;
        if (lock_mine(l))
            return false;
    }
    for (;;) {
        int seen = __atomic_load_n(&l->word, __ATOMIC_RELAXED);
        if (seen == 0) {
            /* Other threads may still sleep: the drop of a lock that was taken here wakes one. */
            if (swap(l, 0, me | LOCK_WAITED))
                return true;
        } else if ((seen & LOCK_WAITED) || swap(l, seen, seen | LOCK_WAITED)) {
            sys_futex_wait(&l->word, seen | LOCK_WAITED);
        }
    }
}

bool lock_take(struct lock *l)
{
    bool taken = swap(l, 0, self()) || wait_for(l);
    if (taken) {
        check_order(l);
        note(l, 1);
    }
    return taken;
}

void lock_drop(struct lock *l)
{
    note(l, -1U);
    if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) & LOCK_WAITED)
        sys_futex_wake(&l->word, 1);
}

/* The thread's id in the parent. */
static int id_before;

void lock_forget_thread(void)
{
    id_before = lock_thread_id;
    lock_thread_id = 0;
}

void lock_reset(struct lock *l)
{
    bool ours = id_before && lock_owner(l) == id_before;
    __atomic_store_n(&l->word, ours ? self() : 0, __ATOMIC_RELEASE);
}
