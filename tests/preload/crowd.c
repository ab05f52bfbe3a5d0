/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * crowd: maps files near the reserve, while other threads make calls of which the library cannot
 * tell how many VMAs they add: those of a JVM for the guard pages of its threads, whose stacks libc
 * maps unseen.
 *
 *   crowd FILE NEAR FULL
 *
 * First it maps the file up to NEAR VMAs. Then the other threads begin, and one mapping follows
 * another until one is refused; the next begins after some calls of the others. FULL is more than
 * will be granted. Prints how many were granted, how often the library read the list of VMAs for
 * them, and in how many milliseconds: "granted N readings R ms M"; then the error of the refused one
 * and the number of VMAs: "errno E vmas V".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../raw.h"
#include "look.h"
#include "mapherd/mapherd.h"

#define PAGE 4096L
#define GUARD (4 * PAGE)
#define STACK (256 * PAGE)
enum { THREADS = 4 };

static atomic_int begun;
static atomic_long cycles;
static atomic_bool done;

/* What the JVM does at the end of each stack when a thread begins and ends (os_linux.cpp,
 * commit_memory and uncommit_memory). */
static void *make_noise(void *stack)
{
    const int flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS;
    for (bool first = true; !done; first = false) {
        if (mmap(stack, GUARD, PROT_READ | PROT_WRITE, flags, -1, 0) != stack ||
            mprotect(stack, GUARD, PROT_NONE) ||
            mmap(stack, GUARD, PROT_NONE, flags | MAP_NORESERVE, -1, 0) != stack)
            die("guard: %s", strerror(errno));
        begun += first;
        cycles++;
    }
    return NULL;
}

/* Maps whole files, which merge with nothing. Returns how many were granted. */
static long map_until(int fd, long most)
{
    for (long n = 0; n < most; n++) {
        if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
            return n;
        for (long c = cycles; begun && cycles < c + 20;)
            sched_yield();
    }
    return most;
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    if (argc != 4 || !mapherd_status)
        die("usage: crowd FILE NEAR FULL, with the library");
    long near = atol(argv[2]) - look(NULL).maps, full = atol(argv[3]);
    int fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, PAGE))
        die("%s: %s", argv[1], strerror(errno));
    if (map_until(fd, near) < near)
        die("refused below %s VMAs", argv[2]);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        void *stack = (void *)raw(SYS_mmap, NULL, STACK, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pthread_create(&threads[i], NULL, make_noise, stack))
            die("pthread_create");
    }
    while (begun < THREADS)
        sched_yield();

    uint64_t before = mapherd_status()->readings;
    long from = now_ms();
    long granted = map_until(fd, full);
    int error = errno;
    printf("granted %ld readings %lu ms %ld\n", granted,
           (unsigned long)(mapherd_status()->readings - before), now_ms() - from);
    printf("errno %d vmas %ld\n", granted < full ? error : 0, look(NULL).maps);
    done = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
