/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * storer: random stores, msyncs and threads, and a record of what each msync has promised.
 *
 *     storer FILE MOMENT PROMISES FLUSHES SEED together|apart    until the disk has seen that many
 *                                                                flushes
 *
 * The file is BUFFERS buffers, mapped one by one; the first word of each page is a slot, which
 * counts up. A promise is written when an msync has returned: the slots of its range as they were
 * before it began, and how much the disk had written down when it ended. The first promise is that
 * the file is there: it and its folder were synced. One thread syncs the buffers one after another,
 * up and down, every other time while nothing is stored, and others sync single pages or only store.
 * Apart: no two msyncs at a time, for filesystems that lose what these promise (doc/sync.md).
 *
 * Ends with WITNESS_TROUBLE if it could not write its promises down: that is no verdict.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tick.h"
#include "log.h"
#include "mapherd/mapherd.h"
#include "promise.h"

#define THREADS 3

static char *buffers[BUFFERS];
static struct moment *moment;
static FILE *promises;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, syncing = PTHREAD_MUTEX_INITIALIZER;
static int apart;
static uint64_t until, seed;
static int failed; /* how to end, or 0 */

static _Noreturn void die(const char *what, int how)
{
    perror(what);
    exit(how);
}

static void stop(const char *what, int how)
{
    perror(what);
    __atomic_store_n(&failed, how, __ATOMIC_RELAXED);
}

static uint64_t *slot(long n)
{
    return (uint64_t *)(buffers[n / PAGES] + n % PAGES * PAGE);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state >> 16;
}

static int over(void)
{
    return __atomic_load_n(&moment->flushes, __ATOMIC_ACQUIRE) >= until ||
           __atomic_load_n(&failed, __ATOMIC_RELAXED);
}

static void promise(const struct promise *p)
{
    pthread_mutex_lock(&one);
    if (fwrite(p, sizeof *p, 1, promises) != 1)
        stop("the promises", WITNESS_TROUBLE);
    pthread_mutex_unlock(&one);
}

static void sync_slots(long first, long count)
{
    struct promise p = { .first = (uint64_t)first, .count = (uint64_t)count };
    if (apart)
        pthread_mutex_lock(&syncing);
    for (long n = 0; n < count; n++)
        p.values[n] = __atomic_load_n(slot(first + n), __ATOMIC_SEQ_CST);
    int result = msync(slot(first), (size_t)count * PAGE, MS_SYNC);
    p.records = __atomic_load_n(&moment->records, __ATOMIC_ACQUIRE);
    if (apart)
        pthread_mutex_unlock(&syncing);
    if (result < 0) {
        stop("msync", 1);
        return;
    }
    promise(&p);
}

/* Every slot has one thread that stores to it, so that its values only grow. */
static void store(uint64_t *random, long thread)
{
    long n = (long)(next_random(random) % (BUFFERS * PAGES / THREADS)) * THREADS + thread;
    if (n < BUFFERS * PAGES)
        __atomic_add_fetch(slot(n), 1, __ATOMIC_SEQ_CST);
}

/* The first thread wants nothing to be stored for a while. */
static int quiet;

static void wait_while_quiet(void)
{
    while (__atomic_load_n(&quiet, __ATOMIC_ACQUIRE) && !over())
        usleep(1000);
}

/* Syncs all buffers, one after another. */
static void sync_all(int down)
{
    for (long n = 0; n < BUFFERS && !over(); n++)
        sync_slots((down ? BUFFERS - 1 - n : n) * PAGES, PAGES);
}

static void store_some(uint64_t *random, long thread, uint64_t most)
{
    for (uint64_t n = next_random(random) % most; n; n--)
        store(random, thread);
}

/* From a tick of the kernel's clock on nothing is stored: the second time all is clean. */
static void sync_in_quiet(uint64_t *random, int down)
{
    __atomic_store_n(&quiet, 1, __ATOMIC_RELEASE);
    store_some(random, 0, 64);
    next_tick();
    sync_all(down);
    sync_all(down);
    __atomic_store_n(&quiet, 0, __ATOMIC_RELEASE);
}

static void *run(void *argument)
{
    long thread = (long)argument;
    uint64_t random = seed * 0x9e3779b97f4a7c15u + (uint64_t)thread * 7919 + 1;
    for (unsigned times = 0; !over(); times++) {
        int down = next_random(&random) & 1;
        if (thread == 0 && times % 2 == 0) {
            sync_in_quiet(&random, down);
            continue;
        }
        if (thread)
            wait_while_quiet();
        store_some(&random, thread, thread ? 4 : 64);
        if (thread == 0) {
            sync_all(down);
        } else if (thread == 1) {
            sync_slots((long)(next_random(&random) % (BUFFERS * PAGES)), 1);
            usleep(next_random(&random) % 20000);
        } else {
            usleep(next_random(&random) % 30000);
        }
    }
    return NULL;
}

/* The file and its name are on the disk. */
static void make_file(const char *path, int fd)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = 0;
    int in = open(folder, O_RDONLY | O_DIRECTORY);
    if (ftruncate(fd, (off_t)BUFFERS * PAGES * PAGE) < 0 || fsync(fd) < 0 || in < 0 ||
        fsync(in) < 0)
        die(path, 1);
    close(in);
    promise(&(struct promise){ .records = __atomic_load_n(&moment->records, __ATOMIC_ACQUIRE) });
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    if (argc != 7 || !strchr(argv[1], '/'))
        return 2;
    apart = !strcmp(argv[6], "apart");
    int shared = open(argv[2], O_RDWR), fd = open(argv[1], O_RDWR | O_CREAT, 0600);
    promises = fopen(argv[3], "w");
    until = strtoull(argv[4], NULL, 10);
    seed = strtoull(argv[5], NULL, 10);
    if (shared < 0 || !promises)
        die("the promises", WITNESS_TROUBLE);
    moment = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    if (moment == MAP_FAILED || fd < 0)
        die(argv[1], 1);
    make_file(argv[1], fd);
    for (long n = 0; n < BUFFERS; n++) {
        buffers[n] =
            mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * PAGES * PAGE);
        if (buffers[n] == MAP_FAILED)
            die("mmap", 1);
    }
    for (long n = 0; n < THREADS; n++)
        if ((errno = pthread_create(&threads[n], NULL, run, (void *)n)))
            die("pthread_create", WITNESS_TROUBLE);
    for (long n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    const struct mapherd_status *s = mapherd_status ? mapherd_status() : NULL;
    printf("%lu %lu %lu\n%lu\n", s ? s->syncs : 0, s ? s->syncs_widened : 0,
           s ? s->syncs_skipped : 0, s ? s->cooled : 0);
    if (fclose(promises) && !failed)
        die("the promises", WITNESS_TROUBLE);
    return failed;
}
