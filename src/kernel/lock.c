/*
 * lock: a futex mutex whose word is its owner.
 */
#define _GNU_SOURCE
#include "kernel/lock.h"

#include "kernel/sys.h"

/* initial-exec: the default model may allocate at the first use, in a signal handler too. A vfork
 * child has its parent's id here. That is right, because the parent sleeps and the two share the
 * memory. */
static __thread int thread_id __attribute__((tls_model("initial-exec")));

static int self(void)
{
    if (!thread_id)
        thread_id = (int)sys_gettid();
    return thread_id;
}

int lock_thread(void)
{
    return self();
}

static bool swap(struct lock *l, int from, int to)
{
    return __atomic_compare_exchange_n(&l->word, &from, to, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

bool lock_mine(const struct lock *l)
{
    return (__atomic_load_n(&l->word, __ATOMIC_RELAXED) & ~LOCK_WAITED) == self();
}

bool lock_try(struct lock *l)
{
    return swap(l, 0, self());
}

bool lock_take(struct lock *l)
{
    int me = self();
    for (int spins = 0; spins < 100; spins++) {
        if (swap(l, 0, me))
            return true;
        if ((__atomic_load_n(&l->word, __ATOMIC_RELAXED) & ~LOCK_WAITED) == me)
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

void lock_drop(struct lock *l)
{
    if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) & LOCK_WAITED)
        sys_futex_wake(&l->word, 1);
}

void lock_reset(struct lock *l)
{
    __atomic_store_n(&l->word, 0, __ATOMIC_RELEASE);
}

void lock_forget_thread(void)
{
    thread_id = 0;
}
