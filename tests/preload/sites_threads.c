/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sites_threads: forks and cancellation while other threads are in malloc and in the sites.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"
#include "sites.h"

extern char **environ;
static volatile int stop;

/* malloc maps and unmaps each piece while it holds a lock, and its arenas grow. */
static void *allocate(void *seed)
{
    unsigned n = (unsigned)(uintptr_t)seed;
    while (!stop) {
        size_t len = 1000 + (n = n * 1103515245 + 12345) % 4000000;
        char *piece = malloc(len);
        if (!piece)
            die("no memory");
        piece[0] = piece[len - 1] = 1;
        free(piece);
    }
    return NULL;
}

static void wait_for(pid_t child, const char *what)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        die("%s: status %x, %s", what, status, strerror(errno));
}

/* A child can allocate, and map past every symbol. */
static _Noreturn void be_child(void)
{
    char *piece = malloc(5000000);
    void *at = past.mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(!piece || at == MAP_FAILED || past.munmap(at, 1 << 20) != 0);
}

static void fork_all_ways(void)
{
    char *const argv[] = { "true", NULL };
    pid_t child = fork();
    if (child == 0)
        be_child();
    wait_for(child, "fork");
    child = past.fork();
    if (child == 0)
        be_child();
    wait_for(child, "fork by handle");
    child = past._Fork ? past._Fork() : past.fork();
    if (child == 0)
        _exit(0); /* another thread may have had malloc's lock */
    wait_for(child, "_Fork");
    child = (pid_t)past.syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    wait_for(child, "clone");
    if (posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ) != 0)
        die("posix_spawn: %s", strerror(errno));
    wait_for(child, "posix_spawn");
    child = vfork();
    if (child == 0) {
        execv("/bin/true", argv);
        _exit(1);
    }
    wait_for(child, "vfork");
}

void play_forks(void)
{
    enum { THREADS = 8, ROUNDS = 100 };
    pthread_t threads[THREADS];
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, allocate, (void *)(uintptr_t)i) != 0)
            die("no thread");
    for (int i = 0; i < ROUNDS; i++)
        fork_all_ways();
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%d rounds of forks while %d threads allocate\n", ROUNDS, THREADS);
}

/* ---- cancellation ---- */

/* mmap and munmap may not be cancelled in this way. To compute, or to change the type, may. */
static void *map_and_compute(void *unused)
{
    volatile unsigned long n = 0;
    int before;
    for (;;) {
        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &before);
        void *at = past.mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED || past.munmap(at, 1 << 16) != 0)
            die("mmap: %s", strerror(errno));
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
        for (int i = 0; i < 2000; i++)
            n++;
    }
    return unused;
}

void play_cancel(void)
{
    enum { THREADS = 64, ROUNDS = 10 };
    pthread_t threads[THREADS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++)
            if (pthread_create(&threads[i], NULL, map_and_compute, NULL) != 0)
                die("no thread");
        usleep(20000);
        for (int i = 0; i < THREADS; i++) {
            void *result;
            if (pthread_cancel(threads[i]) != 0 || pthread_join(threads[i], &result) != 0 ||
                result != PTHREAD_CANCELED)
                die("a thread was not cancelled");
        }
    }
    printf("%d threads cancelled\n", THREADS * ROUNDS);
}
