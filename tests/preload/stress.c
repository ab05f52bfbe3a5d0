/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * stress: threads that map, check and unmap chunks of shared files and anonymous memory, all at
 * once, while the process forks: children map too, some of them born without libc's knowledge.
 *
 *   stress THREADS ROUNDS FOLDER
 *
 * Each thread owns every THREADSth chunk of each file and checks that nobody else's bytes are in
 * it; what it maps it sometimes leaves, so that neighbours merge and part. At the end no map of
 * the files may be left. A watchdog ends a deadlock.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mapherd/mapherd.h"

enum { FILES = 3, CHUNK = 16384, PER_THREAD = 6, WATCHDOG_S = 1200 };

static int fds[FILES];
static unsigned threads, rounds;

static _Noreturn void wrong(const char *what, unsigned who, unsigned round)
{
    char line[160];
    int n = snprintf(line, sizeof line, "stress: %s (thread %u, round %u)\n", what, who, round);
    if (write(2, line, (size_t)n) < 0)
        _exit(2);
    _exit(1);
}

static unsigned draw(uint64_t *state, unsigned n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33) % n;
}

/* What belongs in a chunk: its owner, its file, its place, and how often it was written. */
struct held {
    char *at; /* NULL: not mapped */
    unsigned file;
    off_t offset;
    uint64_t value;
};

static void fill(struct held *h, uint64_t value)
{
    h->value = value;
    for (size_t i = 0; i < CHUNK; i += 4096)
        *(volatile uint64_t *)(h->at + i) = value + i;
}

static bool intact(const struct held *h)
{
    for (size_t i = 0; i < CHUNK; i += 4096)
        if (*(volatile uint64_t *)(h->at + i) != h->value + i)
            return false;
    return true;
}

static void open_one(struct held *h, unsigned who, uint64_t *state, unsigned round)
{
    if (draw(state, 4) == 0) {
        h->at = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    } else {
        h->file = draw(state, FILES);
        h->offset = (off_t)(draw(state, PER_THREAD) * threads + who) * CHUNK;
        h->at = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fds[h->file], h->offset);
    }
    if (h->at == MAP_FAILED)
        wrong("mmap failed", who, round);
}

/* Something that changes maps and no bytes. */
static void disturb(const struct held *h, uint64_t *state)
{
    int failed = 0;
    switch (draw(state, 6)) {
    case 0:
        failed = mprotect(h->at + 4096, 4096, PROT_READ) ||
                 mprotect(h->at + 4096, 4096, PROT_READ | PROT_WRITE);
        break;
    case 1:
        failed = madvise(h->at, CHUNK, MADV_RANDOM) || madvise(h->at, CHUNK, MADV_NORMAL);
        break;
    case 2: failed = msync(h->at, CHUNK, MS_ASYNC); break;
    }
    if (failed)
        wrong("a call failed", 0, 0);
}

/* A thread holds one map of each of its places at a time: two would share their bytes. */
static bool holds(const struct held *mine, unsigned count, const struct held *h)
{
    for (unsigned i = 0; i < count; i++)
        if (&mine[i] != h && mine[i].at && mine[i].offset == h->offset && mine[i].file == h->file &&
            mine[i].offset >= 0)
            return true;
    return false;
}

static void *work(void *argument)
{
    unsigned who = (unsigned)(uintptr_t)argument;
    uint64_t state = who * 7919 + 17;
    struct held mine[8] = { 0 };
    for (unsigned round = 1; round <= rounds; round++) {
        struct held *h = &mine[draw(&state, 8)];
        if (!h->at) {
            h->offset = -1;
            open_one(h, who, &state, round);
            if (holds(mine, 8, h)) {
                munmap(h->at, CHUNK);
                h->at = NULL;
                continue;
            }
            fill(h, ((uint64_t)who << 40) + ((uint64_t)round << 16));
        }
        disturb(h, &state);
        if (!intact(h))
            wrong("foreign bytes in a chunk", who, round);
        if (draw(&state, 3)) {
            if (munmap(h->at, CHUNK))
                wrong("munmap failed", who, round);
            h->at = NULL;
        }
    }
    for (unsigned i = 0; i < 8; i++)
        if (mine[i].at && (!intact(&mine[i]) || munmap(mine[i].at, CHUNK)))
            wrong("a chunk did not last", who, rounds);
    return NULL;
}

/* In a child: places that no thread of the parent owns, after the threads' own. */
static void child_works(unsigned which)
{
    struct held mine[4];
    for (unsigned i = 0; i < 200; i++) {
        struct held *h = &mine[i % 4];
        if (i >= 4 && (!intact(h) || munmap(h->at, CHUNK)))
            _exit(3);
        h->offset = (off_t)(PER_THREAD * threads + i % 4) * CHUNK;
        h->at = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, i % 2 ? MAP_PRIVATE : MAP_SHARED, fds[0],
                     h->offset);
        if (h->at == MAP_FAILED)
            _exit(4);
        fill(h, ((uint64_t)which << 32) + ((uint64_t)i << 16));
    }
    _exit(0);
}

/* Half of the children come by the bare system call, past every handler. No malloc in those. */
static void fork_some(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pid_t child = i % 2 ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
        if (child == 0) {
            alarm(WATCHDOG_S);
            child_works(i);
        }
        int status = -1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            wrong(i % 2 ? "a child of clone failed" : "a child of fork failed", (unsigned)status,
                  i);
    }
}

static unsigned maps_of_files(unsigned *all)
{
    static char line[4096];
    unsigned count = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    *all = 0;
    while (f && fgets(line, sizeof line, f)) {
        ++*all;
        count += strstr(line, "/stress.") != NULL;
    }
    if (!f || fclose(f))
        wrong("cannot read the maps", 0, 0);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    threads = (unsigned)atoi(argv[1]);
    rounds = (unsigned)atoi(argv[2]);
    alarm(WATCHDOG_S);
    for (unsigned i = 0; i < FILES; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/stress.%u", argv[3], i);
        fds[i] = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fds[i] < 0 || ftruncate(fds[i], (off_t)(PER_THREAD * threads + 4) * CHUNK))
            wrong("cannot make a file", 0, 0);
    }
    pthread_t *ids = calloc(threads, sizeof *ids);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, (void *)(uintptr_t)i))
            wrong("no thread", i, 0);
    fork_some(24);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    unsigned all, left = maps_of_files(&all);
    if (left)
        wrong("maps are left behind", left, all);
    uint64_t calls = mapherd_status ? mapherd_status()->calls : 0;
    if (mapherd_status && calls < (uint64_t)threads * rounds / 4)
        wrong("the library did not see the calls", 0, 0);
    printf("stress: %u threads, %u rounds each, %u maps at the end, %llu calls seen\n", threads,
           rounds, all, (unsigned long long)calls);
    return 0;
}
