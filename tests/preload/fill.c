/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fill: random chunks of one big sparse file, a page each; all of them are mapped, a random half
 * is unmapped, all are mapped, and so on. It knows nothing of mapherd.
 *
 *   fill FILE CHUNKS ROUNDS SECONDS SEED
 *
 * It goes on until both ROUNDS and SECONDS are over. In every round it looks at SAMPLES chunks:
 * what is stored through the map must be in the file, and what was written to the file while the
 * chunk was unmapped must be in the map. Ends with status 1 at the first call that fails. Prints
 * words KEY=VALUE: rounds, most maps of the process above those at the start (grown) and of the
 * file (of_file) at the end of a round, wrong bytes, samples that were unmapped in between (back),
 * and what is left when all is unmapped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "look.h"

#define PAGE 4096L
#define FILE_PAGES (100L << 18) /* 100 GiB */
#define SAMPLES 200

static struct chunk {
    long page;
    uint64_t *at; /* NULL: unmapped */
} * chunks;
static long count;
static int fd;

static struct sample {
    struct chunk *chunk;
    long page;
    bool unmapped; /* when the file was written */
} samples[SAMPLES];

static void map(struct chunk *c, long n)
{
    c->at = mmap(NULL, (size_t)PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, c->page * PAGE);
    if (c->at == MAP_FAILED)
        die("mmap of chunk %ld: %s", n, strerror(errno));
}

static void unmap(struct chunk *c)
{
    if (munmap(c->at, (size_t)PAGE))
        die("munmap: %s", strerror(errno));
    c->at = NULL;
}

static uint64_t in_file(long page)
{
    uint64_t value = 0;
    if (pread(fd, &value, sizeof value, page * PAGE) != sizeof value)
        die("pread: %s", strerror(errno));
    return value;
}

static uint64_t random_value(void)
{
    return (uint64_t)lrand48() << 31 | (uint64_t)lrand48();
}

/* Stores through the maps; the bytes must be in the file. Returns how many are not. */
static long store_samples(void)
{
    long wrong = 0;
    for (int i = 0; i < SAMPLES; i++) {
        struct sample *s = &samples[i];
        s->chunk = &chunks[lrand48() % count];
        s->page = s->chunk->page;
        uint64_t value = random_value();
        *s->chunk->at = value;
        wrong += in_file(s->page) != value;
    }
    return wrong;
}

/* Writes to the file, whether the chunks are mapped or not. */
static void write_samples(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        struct sample *s = &samples[i];
        s->unmapped = !s->chunk->at;
        uint64_t value = random_value();
        if (pwrite(fd, &value, sizeof value, s->page * PAGE) != sizeof value)
            die("pwrite: %s", strerror(errno));
    }
}

/* The maps must show the file. *back: how many of them are new. Returns how many do not. */
static long check_samples(long *back)
{
    long wrong = 0;
    for (int i = 0; i < SAMPLES; i++) {
        struct sample *s = &samples[i];
        if (s->chunk->page != s->page)
            continue; /* it went to another place */
        *back += s->unmapped;
        wrong += *s->chunk->at != in_file(s->page);
    }
    return wrong;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        die("usage: fill FILE CHUNKS ROUNDS SECONDS SEED");
    const char *path = argv[1];
    count = atol(argv[2]);
    long rounds = 0, wanted = atol(argv[3]), grown = 0, of_file = 0, wrong = 0, back = 0;
    double end = now() + atof(argv[4]);
    srand48(atol(argv[5]));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    chunks = calloc((size_t)count, sizeof *chunks);
    if (fd < 0 || ftruncate(fd, FILE_PAGES * PAGE) || !chunks)
        die("cannot make %s: %s", path, strerror(errno));
    long before = look(NULL).maps;
    do {
        for (long n = 0; n < count; n++)
            if (!chunks[n].at) {
                if (!rounds || lrand48() & 1) /* else the same place again */
                    chunks[n].page = lrand48() % FILE_PAGES;
                map(&chunks[n], n);
            }
        if (rounds)
            wrong += check_samples(&back);
        wrong += store_samples();
        struct sight s = look(path);
        grown = s.maps - before > grown ? s.maps - before : grown;
        of_file = s.of_file > of_file ? s.of_file : of_file;
        for (long n = 0; n < count; n++)
            if (lrand48() & 1)
                unmap(&chunks[n]);
        write_samples();
    } while (++rounds < wanted || now() < end);
    for (long n = 0; n < count; n++)
        if (chunks[n].at)
            unmap(&chunks[n]);
    struct sight s = look(path);
    printf("library=%d rounds=%ld grown=%ld of_file=%ld wrong=%ld back=%ld left=%ld "
           "left_of_file=%ld\n",
           s.library, rounds, grown, of_file, wrong, back, s.maps - before, s.of_file);
    return 0;
}
