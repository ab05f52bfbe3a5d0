/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * walk: the unwinder where the unit tests do not run (tests/aarch64.sh), and against the clock.
 *
 *     walk            compares chains with backtrace()'s, also out of a signal handler
 *     walk ours|libc  ns of a walk of 16 calls that was made before
 */
#define _GNU_SOURCE
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unwind/unwind.h"

/* The name of the program, where log.c is not linked in. */
const char *log_name(void);
__attribute__((weak)) const char *log_name(void)
{
    return "walk";
}

#define MAX 64
#define DEPTH 16
#define ROUNDS 20000

static int timed; /* 'o' or 'l' */
static uintptr_t here[MAX], interrupted[MAX];
static volatile size_t here_count, interrupted_count; /* the handler's */

static _Noreturn void die(const char *what)
{
    printf("walk: %s\n", what);
    exit(1);
}

static void compare(void)
{
    void *theirs[MAX];
    here_count = unwind_here(here, MAX);
    size_t n = (size_t)backtrace(theirs, MAX);
    if (n != here_count || n < DEPTH)
        die("another number of calls");
    for (size_t i = 1; i < n; i++)
        if (here[i] + 1 != (uintptr_t)theirs[i])
            die("another chain");
}

static void handler(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info;
    interrupted_count = unwind_context(context, interrupted, MAX);
    here_count = unwind_here(here, MAX);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(void)
{
    uintptr_t ours[DEPTH];
    void *theirs[DEPTH];
    double start = 0;
    for (int i = -100; i < ROUNDS; i++) {
        if (i == 0)
            start = now_ns();
        if (timed == 'o' ? unwind_here(ours, DEPTH) != DEPTH : backtrace(theirs, DEPTH) != DEPTH)
            die("not so deep");
    }
    printf("%.1f\n", (now_ns() - start) / ROUNDS);
}

static __attribute__((noinline)) int down(int depth)
{
    volatile char room[100];
    room[0] = 1;
    if (depth)
        return down(depth - 1) + room[0];
    if (timed) {
        measure();
        return 0;
    }
    compare();
    raise(SIGUSR1);
    /* The handler, what it returns to, and then what the context tells. */
    if (here_count != interrupted_count + 2 || interrupted_count < DEPTH ||
        memcmp(here + 2, interrupted, interrupted_count * sizeof *here))
        die("another chain out of a handler");
    return 0;
}

int main(int argc, char **argv)
{
    timed = argc > 1 ? argv[1][0] : 0;
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigaction(SIGUSR1, &sa, NULL);
    return down(DEPTH + 4) < 0;
}
