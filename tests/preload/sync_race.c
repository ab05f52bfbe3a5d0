/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sync_race: stores and msyncs of several threads; after each msync its pages are clean.
 *
 *     sync_race FILE ROUNDS    prints: msyncs looked at, skipped by the library, found dirty
 *
 * One thread syncs all buffers one after another, so that wide syncs come and go. The others each
 * have pages of their own: store, msync, and ask the kernel (cachestat) whether the page is dirty
 * still or on its way. Nobody else stores to it, so it must be neither, whoever has written it.
 *
 * They store at the same moment, because two changes of a ctime at once may take it back to what it
 * was (doc/sync.md). Most wait less than a tick of the kernel's clock before they sync and store
 * again, some longer: what was stored in the tick of a stamp is seen by other means than the rest.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mapherd/mapherd.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#define BUFFER 65536L
#define BUFFERS 64L
#define PAGE 4096L
#define STORERS 2

static char *at[BUFFERS];
static int fd;
static long rounds, looked, dirty;
static int over;

static long is_dirty(long offset)
{
    struct {
        uint64_t offset, len;
    } range = { (uint64_t)offset, PAGE };
    struct {
        uint64_t cached, dirty, writeback, evicted, lately;
    } pages;
    if (syscall(SYS_cachestat, fd, &range, &pages, 0) < 0) {
        perror("cachestat");
        exit(77);
    }
    return pages.dirty || pages.writeback;
}

static void sync_one(long n)
{
    if (msync(at[n], BUFFER, MS_SYNC) < 0) {
        perror("msync");
        exit(1);
    }
}

static void *loop(void *unused)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
        for (long n = 0; n < BUFFERS; n++)
            sync_one(n);
    return unused;
}

/* Returns at the same moment in all storers. */
static void meet(void)
{
    static long arrived;
    long all = __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST) + STORERS - 1;
    for (all -= all % STORERS; __atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < all;)
        sched_yield();
}

static void *store(void *number)
{
    long me = (long)number;
    uint64_t random = 88172645463325252u + (uint64_t)me;
    for (long i = 0; i < rounds; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        long n = (long)(random >> 20) % BUFFERS, page = (long)(random >> 40) % 5 * STORERS + me;
        meet();
        __atomic_add_fetch((uint64_t *)(at[n] + page * PAGE), 1, __ATOMIC_SEQ_CST);
        /* Time for a wide sync of the other thread. */
        usleep((useconds_t)(random % (i % 16 ? 2000 : 20000)));
        sync_one(n);
        __atomic_add_fetch(&looked, 1, __ATOMIC_RELAXED);
        if (is_dirty(n * BUFFER + page * PAGE))
            __atomic_add_fetch(&dirty, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t looper, storers[STORERS];
    if (argc != 3 || (fd = open(argv[1], O_RDWR | O_CREAT, 0600)) < 0 ||
        ftruncate(fd, BUFFER * BUFFERS) < 0)
        return 2;
    rounds = atol(argv[2]);
    for (long n = 0; n < BUFFERS; n++)
        if ((at[n] = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * BUFFER)) ==
            MAP_FAILED)
            return 2;
    pthread_create(&looper, NULL, loop, NULL);
    for (long n = 0; n < STORERS; n++)
        pthread_create(&storers[n], NULL, store, (void *)n);
    for (long n = 0; n < STORERS; n++)
        pthread_join(storers[n], NULL);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    pthread_join(looper, NULL);
    const struct mapherd_status *s = mapherd_status ? mapherd_status() : NULL;
    printf("%ld %lu %ld\n", looked, s ? s->syncs_skipped : 0, dirty);
    return dirty != 0;
}
