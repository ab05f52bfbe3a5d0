/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards_threads: threads that make stacks with guards, use them and unmap them, over and over,
 * so that one gets at once what another has let go.
 *
 *   guards_threads THREADS ROUNDS KEPT
 *
 * Meanwhile the main thread makes KEPT stacks that stay, so that the pressure rises.
 * Prints words KEY=VALUE: guards that let through (open), and pages that faulted though they were
 * accessible (shut).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "look.h"
#include "touch.h"

#define PAGE 4096UL
#define STACK (8 * PAGE)
#define RW (PROT_READ | PROT_WRITE)
#define THREADS_MAX 64

static long open_guards, shut_pages;
static long rounds;

static void count_one(long *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void must(bool done)
{
    if (!done)
        die("refused: %s", strerror(errno));
}

/* What is mapped anew must be open from end to end, whatever lay there before. */
static void check_open(char *stack)
{
    for (char *page = stack; page < stack + STACK; page += PAGE)
        if (!touch_stores(page, 1))
            count_one(&shut_pages);
}

static void one_round(unsigned *seed)
{
    char *stack = mmap(NULL, STACK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(stack != MAP_FAILED);
    must(mprotect(stack, PAGE, PROT_NONE) == 0);
    if (touch_stores(stack, 1))
        count_one(&open_guards);
    if (rand_r(seed) & 1) {
        must(mprotect(stack, PAGE, RW) == 0);
        check_open(stack);
    }
    must(munmap(stack, STACK) == 0);
    stack = mmap(NULL, STACK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(stack != MAP_FAILED);
    check_open(stack);
    must(munmap(stack, STACK) == 0);
}

static void *work(void *seed)
{
    for (long i = 0; i < rounds; i++)
        one_round(seed);
    return NULL;
}

static void keep(long count)
{
    char **stacks = calloc((size_t)count + 1, sizeof *stacks);
    must(stacks != NULL);
    for (long i = 0; i < count; i++) {
        stacks[i] = mmap(NULL, STACK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(stacks[i] != MAP_FAILED && mprotect(stacks[i], PAGE, PROT_NONE) == 0);
    }
    for (long i = 0; i < count; i++) {
        if (touch_stores(stacks[i], 1))
            count_one(&open_guards);
        must(mprotect(stacks[i], PAGE, RW) == 0);
        check_open(stacks[i]);
        must(munmap(stacks[i], STACK) == 0);
    }
    free(stacks);
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX];
    unsigned seeds[THREADS_MAX];
    int n = argc == 4 ? atoi(argv[1]) : 0;
    if (n < 1 || n > THREADS_MAX)
        die("usage: guards_threads THREADS ROUNDS KEPT");
    touch_start();
    rounds = atol(argv[2]);
    for (int i = 0; i < n; i++) {
        seeds[i] = (unsigned)i;
        if (pthread_create(&threads[i], NULL, work, &seeds[i]))
            die("no thread");
    }
    keep(atol(argv[3]));
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    printf("library=%d open=%ld shut=%ld\n", look(NULL).library, open_guards, shut_pages);
    return 0;
}
