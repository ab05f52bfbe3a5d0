/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * chunks: maps a sparse file in chunks and keeps them all, as MapDB and others do. It knows
 * nothing of mapherd. It prints what it saw as words KEY=VALUE, for chunks.sh to judge:
 *
 *   chunks FILE COUNT SIZE ORDER DESCRIPTORS SHARING WRITTEN
 *
 *   ORDER        ascending, descending, random, or growing: ascending, and the file is made longer
 *                before each map, as FileChannel.map does
 *   DESCRIPTORS  one: all through one; dup: a duplicate for each, closed after; closed: the file
 *                is opened anew for each, and closed after
 *   SHARING      shared, private
 *   WRITTEN      how many chunks are written to (the first store to a sparse page is not cheap)
 *
 * Status: 0 if every chunk was mapped and every byte right, 3 if a map was refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "look.h"

static const char *path;
static long count, step;
static size_t size;
static char **chunk;
static long *order;
static int fd;
static bool growing, dup_each, open_each, private;

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* A chunk's own value, never 0, and the place in the chunk where it is written. */
static uint64_t value(long n, uint64_t round)
{
    return mix((uint64_t)n * 4 + round) | 1;
}

static size_t spot(long n)
{
    return mix((uint64_t)n + 7777) % (size / 8) * 8;
}

static bool is_written(long n)
{
    return n % step == 0;
}

static void put_in_order(const char *word)
{
    for (long i = 0; i < count; i++)
        order[i] = strcmp(word, "descending") ? i : count - 1 - i;
    if (strcmp(word, "random"))
        return;
    for (long i = count - 1; i > 0; i--) {
        long other = (long)(mix((uint64_t)i) % (uint64_t)(i + 1)), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

/* Another than that of mapping. Random order is the slow one: it cuts the map into many. */
static const char *unmap_order(const char *map_order)
{
    if (strcmp(map_order, "random") == 0)
        return "descending";
    return strcmp(map_order, "descending") == 0 ? "ascending" : "random";
}

static int open_file(int flags)
{
    int opened = open(path, flags | O_CLOEXEC, 0600);
    if (opened < 0)
        die("cannot open %s: %s", path, strerror(errno));
    return opened;
}

static void make_long(long chunks)
{
    if (ftruncate(fd, (off_t)chunks * (off_t)size))
        die("cannot make %s that long: %s", path, strerror(errno));
}

static char *map_one(long n)
{
    if (growing)
        make_long(n + 1);
    int flags = private ? MAP_PRIVATE : MAP_SHARED;
    int through = open_each ? open_file(O_RDWR) : dup_each ? dup(fd) : fd;
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, through, (off_t)n * (off_t)size);
    int why = errno;
    if (through != fd)
        close(through);
    if (at == MAP_FAILED) {
        printf("maps=%ld refused=%ld errno=%d\n", look(path).maps, n, why);
        exit(3);
    }
    return at;
}

static void store(long n, uint64_t v)
{
    memcpy(chunk[n] + spot(n), &v, sizeof v);
}

static uint64_t in_map(long n)
{
    uint64_t v;
    memcpy(&v, chunk[n] + spot(n), sizeof v);
    return v;
}

static uint64_t in_file(int through, long n)
{
    uint64_t v;
    if (pread(through, &v, sizeof v, (off_t)n * (off_t)size + (off_t)spot(n)) != sizeof v)
        die("cannot read %s at chunk %ld", path, n);
    return v;
}

/* A private chunk's store stays in memory; what the file held before is put there first. */
static void prepare_private(void)
{
    for (long n = 0; n < count; n += step) {
        uint64_t v = value(n, 0);
        if (pwrite(fd, &v, sizeof v, (off_t)n * (off_t)size + (off_t)spot(n)) != sizeof v)
            die("cannot write %s at chunk %ld", path, n);
    }
}

static long wrong_bytes(void)
{
    long wrong = 0;
    int through = open_file(O_RDONLY);
    for (long n = 0; n < count; n += step) {
        wrong += in_map(n) != value(n, 1);
        wrong += in_file(through, n) != value(n, private ? 0 : 1);
        if (step > 1 && n + 1 < count)
            wrong += in_map(n + 1) != 0;
    }
    close(through);
    return wrong;
}

int main(int argc, char **argv)
{
    if (argc != 8)
        die("usage: chunks FILE COUNT SIZE ORDER DESCRIPTORS SHARING WRITTEN");
    path = argv[1];
    growing = strcmp(argv[4], "growing") == 0;
    count = atol(argv[2]);
    size = (size_t)atol(argv[3]);
    dup_each = strcmp(argv[5], "dup") == 0;
    open_each = strcmp(argv[5], "closed") == 0;
    private = strcmp(argv[6], "private") == 0;
    step = count / atol(argv[7]);
    chunk = calloc((size_t)count, sizeof *chunk);
    order = calloc((size_t)count, sizeof *order);
    if (!chunk || !order || step < 1)
        die("no memory, or more chunks to write than there are");
    put_in_order(argv[4]);
    fd = open_file(O_RDWR | O_CREAT | O_TRUNC);
    if (!growing)
        make_long(count);
    if (private)
        prepare_private();

    struct sight before = look(path);
    for (long i = 0; i < count; i++) {
        long n = order[i];
        chunk[n] = map_one(n);
        if (is_written(n) && !private)
            store(n, value(n, 1));
    }
    struct sight peak = look(path);
    for (long n = 0; n < count && private; n += step)
        store(n, value(n, 1));
    long wrong = wrong_bytes();

    put_in_order(unmap_order(argv[4]));
    for (long i = 0; i < count; i++)
        if (munmap(chunk[order[i]], size))
            die("munmap of chunk %ld: %s", order[i], strerror(errno));
    struct sight after = look(path);
    printf("library=%d grown=%ld of_file=%ld wrong=%ld left=%ld left_of_file=%ld\n", peak.library,
           peak.maps - before.maps, peak.of_file, wrong, after.maps - before.maps, after.of_file);
    return wrong != 0;
}
