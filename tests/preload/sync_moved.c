/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sync_moved: what lies ahead of an msync changes while the msync is under way.
 *
 *     sync_moved FILE nothing|hole|other    prints: syncs skipped by the library, found dirty
 *
 * Buffers of the file are synced one after another, until the library widens an msync over a buffer
 * that has been stored to and not been synced. At that moment, when the call is about to enter the
 * kernel (meanwhile.c), another thread unmaps that buffer, which leaves a hole, or maps other memory
 * in its place. Then the buffer is mapped again and synced by itself. After that it must be clean.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../tick.h"
#include "mapherd/mapherd.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#define BUFFER 65536L
#define BUFFERS 8L
/* The msyncs begin at this buffer: those before it may lie alone, before the library merges. */
#define FIRST 2L
/* The first two msyncs of a run are not widened; the third is, over this one. */
#define AHEAD (FIRST + 3)

static const char *how;
static char *at[BUFFERS];
static int fd;
static long changed = -1; /* the buffer */

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static char *map(long n)
{
    char *p = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * BUFFER);
    if (p == MAP_FAILED)
        die("mmap");
    return p;
}

static void sync_one(long n)
{
    if (msync(at[n], BUFFER, MS_SYNC) < 0)
        die("msync");
}

static int is_dirty(long n)
{
    struct {
        uint64_t offset, len;
    } range = { (uint64_t)(n * BUFFER), BUFFER };
    struct {
        uint64_t cached, dirty, writeback, evicted, lately;
    } pages;
    if (syscall(SYS_cachestat, fd, &range, &pages, 0) < 0) {
        perror("cachestat");
        exit(77);
    }
    return pages.dirty || pages.writeback;
}

static void *change(void *unused)
{
    char *p = at[changed];
    if (strcmp(how, "hole") == 0 && munmap(p, BUFFER) < 0)
        die("munmap");
    if (strcmp(how, "other") == 0 &&
        mmap(p, BUFFER, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p)
        die("mmap of other memory");
    return unused;
}

/* Called by meanwhile.c when an msync enters the kernel. */
void meanwhile(char *addr, size_t len);
void meanwhile(char *addr, size_t len)
{
    pthread_t other;
    if (len <= BUFFER || changed >= 0)
        return;
    for (changed = 0; at[changed] != addr + len - BUFFER; changed++)
        continue;
    if (pthread_create(&other, NULL, change, NULL) || pthread_join(other, NULL))
        die("pthread_create");
}

int main(int argc, char **argv)
{
    if (argc != 3 || (fd = open(argv[1], O_RDWR | O_CREAT, 0600)) < 0 ||
        ftruncate(fd, BUFFER * BUFFERS) < 0)
        return 2;
    how = argv[2];
    for (long n = 0; n < BUFFERS; n++)
        at[n] = map(n);
    at[AHEAD][0] = 1;
    next_tick();
    for (long tries = 0; changed < 0 && tries < 1000; tries++)
        for (long n = FIRST; n < AHEAD; n++)
            sync_one(n);
    if (changed != AHEAD) {
        fprintf(stderr, "no msync was widened up to buffer %ld: %ld\n", AHEAD, changed);
        return 2;
    }
    if (strcmp(how, "nothing") != 0)
        at[AHEAD] = map(AHEAD);
    sync_one(AHEAD);
    const struct mapherd_status *s = mapherd_status ? mapherd_status() : NULL;
    int dirty = is_dirty(AHEAD);
    printf("%lu %d\n", s ? s->syncs_skipped : 0, dirty);
    return dirty;
}
