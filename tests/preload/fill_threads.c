/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fill_threads: threads that map, use and unmap pages of one file, each thread pages of its own,
 * which lie between those of the others.
 *
 *   fill_threads FILE THREADS ROUNDS
 *
 * What a thread stores in a page it must find there the next time, whatever the others do to the
 * pages around it. Prints words KEY=VALUE: wrong values, and maps of the file left at the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "look.h"

#define PAGE 4096L
#define PAGES 64L /* of each thread */
#define THREADS_MAX 16

static int fd;
static long threads, rounds, wrong;

struct page {
    uint64_t *at; /* NULL: unmapped */
    uint64_t value;
};

static void use(struct page *p, long number, unsigned *seed)
{
    bool mapped = p->at;
    if (!mapped)
        p->at = mmap(NULL, (size_t)PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, number * PAGE);
    if (p->at == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    if (*p->at != p->value)
        __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
    p->value = (uint64_t)rand_r(seed);
    *p->at = p->value;
    if (!mapped)
        return;
    if (munmap(p->at, (size_t)PAGE))
        die("munmap: %s", strerror(errno));
    p->at = NULL;
}

static void *work(void *number)
{
    long self = *(long *)number;
    struct page pages[PAGES] = { { NULL, 0 } };
    unsigned seed = (unsigned)self;
    for (long i = 0; i < rounds; i++) {
        long n = rand_r(&seed) % PAGES;
        use(&pages[n], n * threads + self, &seed);
    }
    for (long n = 0; n < PAGES; n++)
        if (pages[n].at)
            use(&pages[n], n * threads + self, &seed);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t running[THREADS_MAX];
    long numbers[THREADS_MAX];
    threads = argc == 4 ? atol(argv[2]) : 0;
    if (threads < 1 || threads > THREADS_MAX)
        die("usage: fill_threads FILE THREADS ROUNDS");
    rounds = atol(argv[3]);
    fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, threads * PAGES * PAGE))
        die("cannot make %s: %s", argv[1], strerror(errno));
    for (long i = 0; i < threads; i++) {
        numbers[i] = i;
        if (pthread_create(&running[i], NULL, work, &numbers[i]))
            die("no thread");
    }
    for (long i = 0; i < threads; i++)
        pthread_join(running[i], NULL);
    struct sight s = look(argv[1]);
    printf("library=%d wrong=%ld left_of_file=%ld\n", s.library, wrong, s.of_file);
    return 0;
}
