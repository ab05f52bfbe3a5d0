/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * lock: exclusion, its owner, and sleepers that are woken.
 */
#include "unit.h"

#include <pthread.h>

#include "common/due.h"
#include "kernel/lock.h"

#define THREADS 8
#define ROUNDS 20000

static struct lock lock;
static long counter; /* plain: only the lock keeps it right */

static void owner_is_told_no(void **state)
{
    (void)state;
    struct lock l = { 0 };
    assert_true(lock_take(&l));
    assert_false(lock_take(&l)); /* what a signal handler on this thread meets */
    assert_false(lock_try(&l));
    lock_drop(&l);
    assert_true(lock_try(&l));
    assert_false(lock_take(&l));
    lock_drop(&l);
    assert_int_equal(l.word, 0);
}

static void *try_it(void *got)
{
    *(bool *)got = lock_try(&lock);
    return NULL;
}

static void try_does_not_wait(void **state)
{
    (void)state;
    bool got = true;
    pthread_t t;
    assert_true(lock_take(&lock));
    pthread_create(&t, NULL, try_it, &got);
    pthread_join(t, NULL);
    assert_false(got);
    lock_drop(&lock);
}

static void *add(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        if (!lock_take(&lock))
            continue; /* seen as a wrong sum */
        counter++;
        lock_drop(&lock);
    }
    return NULL;
}

static void threads_exclude_each_other(void **state)
{
    (void)state;
    pthread_t t[THREADS];
    counter = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, add, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(counter, THREADS * ROUNDS);
    assert_int_equal(lock.word, 0);
}

static void *take_and_tell(void *done)
{
    lock_take(&lock);
    __atomic_store_n((int *)done, 1, __ATOMIC_RELEASE);
    lock_drop(&lock);
    return NULL;
}

/* Several sleep; each drop must wake the next, or this never ends. */
static void sleepers_are_woken(void **state)
{
    (void)state;
    pthread_t t[THREADS];
    int done[THREADS] = { 0 };
    assert_true(lock_take(&lock));
    int owner = lock.word;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, take_and_tell, &done[i]);
    while (__atomic_load_n(&lock.word, __ATOMIC_RELAXED) == owner)
        ; /* until one of them has said that it waits */
    lock_drop(&lock);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(done[i], 1);
    }
    assert_int_equal(lock.word, 0);
}

/* What the thread has that forks it still has; what other threads had is free. */
static void a_child_starts_anew(void **state)
{
    (void)state;
    struct lock own = { 0 }, others = { .word = (lock_thread() + 1) | LOCK_WAITED };
    assert_true(lock_take(&own));
    lock_forget_thread();
    assert_false(lock_mine(&own));
    lock_reset(&own);
    lock_reset(&others);
    assert_true(lock_mine(&own));
    lock_drop(&own);
    assert_true(lock_take(&others));
    lock_drop(&others);
}

static void not_held(struct lock *l)
{
    LOCK_ASSERT(l);
}

static bool is_noticed(void)
{
    bool noticed = due_now() >> DUE_MISTAKE & 1;
    due_clear(DUE_MISTAKE);
    return noticed;
}

static void mistakes_are_noticed(void **state)
{
    (void)state;
    struct lock model = { .rank = LOCK_MODEL }, scan = { .rank = LOCK_SCAN },
                last = { .rank = LOCK_LAST }, other = { .rank = LOCK_LAST };
    lock_take(&scan);
    lock_take(&model);
    lock_take(&last);
    not_held(&model);
    assert_false(is_noticed());
    assert_null(lock_mistake());

    lock_take(&other); /* none is taken while one of the last is held */
    assert_true(is_noticed());
    lock_drop(&other);
    lock_drop(&last);
    lock_drop(&scan);
    lock_take(&scan);
    assert_true(is_noticed());
    assert_string_equal(lock_mistake(), "lock_take");
    lock_drop(&scan);
    lock_drop(&model);

    not_held(&model);
    assert_true(is_noticed());
    assert_true(lock_try(&last)); /* lock_try never waits, so the order does not matter */
    assert_true(lock_try(&scan));
    assert_false(is_noticed());
    lock_drop(&scan);
    lock_drop(&last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(owner_is_told_no),   UNIT(try_does_not_wait),   UNIT(threads_exclude_each_other),
        UNIT(sleepers_are_woken), UNIT(a_child_starts_anew), UNIT(mistakes_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
