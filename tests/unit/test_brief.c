/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * brief: a fork that does not wait for a slow open, and what opens after it.
 */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "kernel/brief.h"
#include "world.h"

static pthread_barrier_t at_open, go_on;

static void be_slow(void)
{
    fake_while_opening = NULL;
    pthread_barrier_wait(&at_open);
    pthread_barrier_wait(&go_on);
}

static void *open_slowly(void *unused)
{
    long fd = brief_open("/slow", O_RDONLY, 0);
    if (fd >= 0)
        brief_close((int)fd);
    return unused;
}

/* The file opens before the fork is made, or after it. By alarm a wait without end is a failure. */
static void a_fork_beside_a_slow_open(void **state)
{
    (void)state;
    alarm(60);
    for (int before = 0; before < 2; before++) {
        pthread_t thread;
        fake_while_opening = be_slow;
        assert_int_equal(pthread_create(&thread, NULL, open_slowly, NULL), 0);
        pthread_barrier_wait(&at_open);
        brief_before_fork();
        if (before)
            pthread_barrier_wait(&go_on);
        brief_after_fork_in_parent();
        if (!before)
            pthread_barrier_wait(&go_on);
        assert_int_equal(pthread_join(thread, NULL), 0);
        for (int n = 0; n < 3; n++)
            open_slowly(NULL);
    }
    brief_before_fork();
    brief_after_fork_in_parent();
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { WORLD(a_fork_beside_a_slow_open) };
    pthread_barrier_init(&at_open, NULL, 2);
    pthread_barrier_init(&go_on, NULL, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
