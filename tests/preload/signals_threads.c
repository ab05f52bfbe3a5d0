/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * signals_threads: sigaction for SIGBUS from handlers in eight threads, faults and all, and no
 * torn action is ever seen. With an argument: the library need not be there.
 *
 * Every action that is set has its handler, flags and mask in common with itself only.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mapherd/mapherd.h"

enum { THREADS = 8, ROUNDS = 4000, KINDS = 3 };

static atomic_long torn, changed, handled;

static void first(int sig, siginfo_t *info, void *context);
static void second(int sig, siginfo_t *info, void *context);
static void third(int sig, siginfo_t *info, void *context);

static void (*const handlers[KINDS])(int, siginfo_t *, void *) = { first, second, third };
static const int flags[KINDS] = { SA_SIGINFO, SA_SIGINFO | SA_RESTART,
                                  SA_SIGINFO | SA_NODEFER | SA_ONSTACK };
static const int masked[KINDS] = { SIGUSR2, SIGTERM, SIGWINCH };

static void set(int kind)
{
    struct sigaction a = { .sa_sigaction = handlers[kind], .sa_flags = flags[kind] }, old;
    sigemptyset(&a.sa_mask);
    sigaddset(&a.sa_mask, masked[kind]);
    memset(&old, 0, sizeof old);
    if (sigaction(SIGBUS, &a, &old))
        abort();
    changed++;
    for (int k = 0; k < KINDS; k++) {
        if (old.sa_sigaction != handlers[k])
            continue;
        if ((old.sa_flags & (SA_RESTART | SA_NODEFER | SA_ONSTACK | SA_SIGINFO)) != flags[k])
            torn++;
        for (int other = 0; other < KINDS; other++)
            if (sigismember(&old.sa_mask, masked[other]) != (other == k))
                torn++;
        return;
    }
    torn++;
}

/* The frame knows nothing of the thread's round: any kind will do. */
static void act(void)
{
    static atomic_int turn;
    handled++;
    set(turn++ % KINDS);
}

static void first(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    act();
}

static void second(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    act();
}

static void third(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    act();
}

static void on_user(int sig)
{
    (void)sig;
    act();
}

static void *run(void *number)
{
    char other[32768];
    stack_t alternate = { .ss_sp = other, .ss_size = sizeof other };
    sigaltstack(&alternate, NULL);
    int kind = (int)(long)number;
    for (int i = 0; i < ROUNDS; i++) {
        set(kind++ % KINDS);
        if (i % 3 == 0)
            pthread_kill(pthread_self(), SIGBUS);
        if (i % 5 == 0)
            pthread_kill(pthread_self(), SIGUSR1);
        sigset_t bus, old;
        sigemptyset(&bus);
        sigaddset(&bus, SIGBUS);
        if (i % 11 == 0) {
            pthread_sigmask(SIG_BLOCK, &bus, &old);
            pthread_kill(pthread_self(), SIGBUS);
            pthread_sigmask(SIG_SETMASK, &old, NULL);
        }
    }
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct sigaction user = { .sa_handler = on_user };
    (void)argv;
    if (argc < 2 && !mapherd_status)
        return 3;
    sigaction(SIGUSR1, &user, NULL);
    set(0);
    torn = 0; /* what was there before is none of them */
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run, (void *)i))
            return 4;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    long wanted = (long)THREADS * (ROUNDS / 3 + ROUNDS / 5);
    printf("%ld changes, %ld handled, %ld torn\n", changed, handled, torn);
    return torn || handled < wanted;
}
