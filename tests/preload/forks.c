/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * forks: forks while other threads allocate large blocks, which their allocator maps under its lock.
 *
 *   forks TIMES
 *
 * Each child allocates too, blocks no signal, and has the library at work. Says ok, or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mapherd/mapherd.h"

#include "look.h"

enum { THREADS = 3, BLOCK = (3 << 20) - 64, ALLOCATIONS = 4000 };

static volatile char sink;

static void use_block(void)
{
    char *block = malloc(BLOCK);
    if (!block)
        die("malloc: %s", strerror(errno));
    block[BLOCK / 2] = 1;
    sink = block[BLOCK / 2];
    free(block);
}

static void *allocate(void *unused)
{
    for (int i = 0; i < ALLOCATIONS; i++) /* the allocator of the tests leaves some pages of each */
        use_block();
    return unused;
}

static int in_child(void)
{
    sigset_t blocked;
    use_block();
    if (sigprocmask(SIG_BLOCK, NULL, &blocked) < 0)
        return 2;
    for (int sig = 1; sig < SIGRTMIN; sig++)
        if (sigismember(&blocked, sig) == 1)
            return 3;
    return mapherd_status && mapherd_status()->state != MAPHERD_HERDING ? 4 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        die("usage: forks TIMES");
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, allocate, NULL) != 0)
            die("pthread_create");
    }
    for (int i = atoi(argv[1]); i > 0; i--) {
        int how;
        pid_t child = fork();
        if (!child)
            _exit(in_child());
        if (child < 0 || waitpid(child, &how, 0) != child)
            die("fork: %s", strerror(errno));
        if (how != 0)
            die("a child ended with 0x%x", how);
    }
    puts("ok");
    return 0;
}
