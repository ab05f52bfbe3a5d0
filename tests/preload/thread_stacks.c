/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * thread_stacks: threads whose stacks libc makes.
 *
 *   thread_stacks COUNT      COUNT threads live at once, three times; the guards differ in size
 *   thread_stacks overflow   a thread that calls itself without end
 *
 * Prints a line for each round, of words KEY=VALUE: threads made, maps that they cost, guards that
 * let through (open), stacks that did not keep their bytes (changed).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "look.h"
#include "touch.h"

enum { PAGE = 4096, STACK = 64 << 10 };

static pthread_barrier_t all;
static long changed;

static void *live(void *number)
{
    volatile char bytes[8192];
    char mark = (char)((uintptr_t)number % 127 + 1);
    for (size_t i = 0; i < sizeof bytes; i += PAGE / 4)
        bytes[i] = mark;
    pthread_barrier_wait(&all); /* all are there */
    pthread_barrier_wait(&all); /* they have been looked at */
    for (size_t i = 0; i < sizeof bytes; i += PAGE / 4)
        if (bytes[i] != mark)
            __atomic_fetch_add(&changed, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* The guard is what lies below the stack: a store or a read there faults. */
static bool is_open(pthread_t thread)
{
    pthread_attr_t attributes;
    void *stack;
    size_t size, guard;
    if (pthread_getattr_np(thread, &attributes) != 0)
        die("a thread has no attributes");
    pthread_attr_getstack(&attributes, &stack, &size);
    pthread_attr_getguardsize(&attributes, &guard);
    pthread_attr_destroy(&attributes);
    char *low = (char *)stack - guard;
    return guard && (touch_stores((char *)stack - 1, 1) || touch_stores(low, 1) ||
                     touch_reads(low + guard / 2));
}

static void play(long count, size_t guard)
{
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    pthread_attr_t attributes;
    long open = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_attr_setguardsize(&attributes, guard);
    pthread_barrier_init(&all, NULL, (unsigned)count + 1);
    struct sight before = look(NULL);
    for (long i = 0; i < count; i++)
        if (!threads || pthread_create(&threads[i], &attributes, live, (void *)i) != 0)
            die("thread %ld is not made", i);
    pthread_barrier_wait(&all);
    long maps = look(NULL).maps - before.maps;
    for (long i = 0; i < count; i++)
        open += is_open(threads[i]);
    pthread_barrier_wait(&all);
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("library=%d threads=%ld guard=%zu maps=%ld open=%ld changed=%ld\n", before.library,
           count, guard, maps, open, changed);
    free(threads);
}

static volatile int depth;

__attribute__((noinline)) static int sink(int n)
{
    volatile char bytes[256];
    bytes[n % 256] = (char)n;
    depth = n;
    return depth < 0 ? 0 : sink(n + 1) + bytes[0];
}

static void *overflow(void *unused)
{
    sink(0);
    return unused;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "overflow") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, overflow, NULL);
        pthread_join(thread, NULL);
        return 0;
    }
    long count = argc == 2 ? atol(argv[1]) : 0;
    if (!count)
        die("usage: thread_stacks COUNT|overflow");
    touch_start();
    play(count, PAGE);
    play(count, 4 * PAGE); /* glibc keeps some of the stacks, and changes their guards */
    play(count, 0);
    return 0;
}
