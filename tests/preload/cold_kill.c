/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * Stores into mappings that become cold and warm, until the process is killed:
 *
 *     cold_kill store FOLDER       never ends by itself
 *     cold_kill judge FOLDER       after that: 0 if each store that was written down is in its file
 *
 * Each of THREADS threads has a word in each of FILES files, which only becomes larger. After each
 * store it writes the value down in the journal, which is a mapping too. The page cache outlives the
 * process, so a file may have one store more than the journal, and never one less.
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
#include <sys/stat.h>
#include <unistd.h>

#include "mapherd/mapherd.h"
#include "tests/preload/look.h"

extern const struct mapherd_status *mapherd_status(void) __attribute__((weak));

#define FILES 300
#define THREADS 4
#define LEN 8192

struct journal {
    uint64_t stores;
    uint64_t cooled; /* mappings that have become cold, by the library's own count */
    uint64_t written[THREADS][FILES];
};

static const char *folder;
static struct journal *journal;
static uint64_t *at[FILES];

static void *map(const char *name, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)len) < 0)
        die("%s: %s", path, strerror(errno));
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        die("%s: %s", path, strerror(errno));
    close(fd);
    return p;
}

/* In either page. */
static volatile uint64_t *word_of(long thread, unsigned file)
{
    return at[file] + thread + (file % 2 ? LEN / 2 / sizeof(uint64_t) : 0);
}

static void *store(void *arg)
{
    long thread = (long)arg;
    uint64_t chance = (uint64_t)thread + 1;
    for (;;) {
        chance = chance * 6364136223846793005U + 1442695040888963407U;
        unsigned file = (unsigned)(chance >> 33) % FILES;
        uint64_t value = ++*word_of(thread, file);
        __atomic_store_n(&journal->written[thread][file], value, __ATOMIC_RELEASE);
        __atomic_fetch_add(&journal->stores, 1, __ATOMIC_RELAXED);
        if (thread == 0 && mapherd_status)
            journal->cooled = mapherd_status()->cooled;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    unsigned long more = 0;
    if (argc != 3)
        return 2;
    folder = argv[2];
    for (unsigned n = 0; n < FILES; n++) {
        char name[32];
        snprintf(name, sizeof name, "file.%u", n);
        at[n] = map(name, LEN);
    }
    journal = map("journal", sizeof *journal);
    if (!strcmp(argv[1], "store")) {
        for (long n = 0; n < THREADS; n++)
            pthread_create(&threads[n], NULL, store, (void *)n);
        pthread_join(threads[0], NULL);
    }
    for (long t = 0; t < THREADS; t++)
        for (unsigned f = 0; f < FILES; f++) {
            uint64_t found = *word_of(t, f), written = journal->written[t][f];
            if (found < written || found > written + 1)
                die("thread %ld, file %u: %lu in the file, %lu written down", t, f, found, written);
            more += found - written;
        }
    printf("cooled=%lu stores=%lu unwritten=%lu\n", journal->cooled, journal->stores, more);
    return 0;
}
