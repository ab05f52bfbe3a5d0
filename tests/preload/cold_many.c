/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * More live mappings of different files than vm.max_map_count allows:
 *
 *     cold_many FOLDER FILES THREADS VISITS
 *
 * Maps FILES files of two pages, each through an open() of its own; every tenth is deleted then.
 * THREADS threads visit mappings at random, check them, store to them, sync some, and unmap some and
 * map them again. At the end each file is read. Prints how many VMAs there were at most.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/preload/look.h"

#define LEN 8192
#define LAST (LEN / sizeof(uint64_t) - 1)

static const char *folder;
static long files, threads, visits;
static uint64_t **at; /* each is visited by one thread */
static uint64_t *rounds;

static bool is_deleted(long n)
{
    return n % 10 == 9;
}

static int open_file(long n, int flags)
{
    char name[4096];
    snprintf(name, sizeof name, "%s/%ld/%ld", folder, n / 10000, n);
    int fd = open(name, flags, 0600);
    if (fd < 0)
        die("%s: %s", name, strerror(errno));
    return fd;
}

static void map_file(long n, int fd)
{
    at[n] = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at[n] == MAP_FAILED)
        die("mapping %ld: %s", n, strerror(errno));
    close(fd);
}

static void make(long n)
{
    char name[4096];
    snprintf(name, sizeof name, "%s/%ld", folder, n / 10000);
    if (n % 10000 == 0 && mkdir(name, 0700) < 0)
        die("%s: %s", name, strerror(errno));
    int fd = open_file(n, O_RDWR | O_CREAT);
    if (ftruncate(fd, LEN) < 0)
        die("ftruncate: %s", strerror(errno));
    map_file(n, fd);
    if (is_deleted(n)) {
        snprintf(name, sizeof name, "%s/%ld/%ld", folder, n / 10000, n);
        unlink(name);
    }
    at[n][0] = at[n][LAST] = (uint64_t)n;
}

static void visit(long n)
{
    uint64_t wanted = (uint64_t)n + rounds[n] * (uint64_t)files;
    if (at[n][0] != wanted || at[n][LAST] != wanted)
        die("mapping %ld has %lu and %lu, not %lu", n, at[n][0], at[n][LAST], wanted);
    rounds[n]++;
    at[n][0] = at[n][LAST] = wanted + (uint64_t)files;
}

static void *run(void *number)
{
    long id = (long)number;
    uint64_t state = (uint64_t)id + 1;
    for (long i = 0; i < visits; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        long n = (long)((state >> 33) % (uint64_t)(files / threads)) * threads + id;
        visit(n);
        if (i % 500 == 3 && msync(at[n], LEN, MS_SYNC) < 0)
            die("msync: %s", strerror(errno));
        if (i % 300 == 7 && !is_deleted(n)) {
            if (munmap(at[n], LEN) < 0)
                die("munmap: %s", strerror(errno));
            map_file(n, open_file(n, O_RDWR));
        }
    }
    return NULL;
}

/* The deleted ones are read through their mappings. */
static void check(long n)
{
    uint64_t bytes[LAST + 1], wanted = (uint64_t)n + rounds[n] * (uint64_t)files;
    if (is_deleted(n)) {
        visit(n);
        return;
    }
    int fd = open_file(n, O_RDONLY);
    if (pread(fd, bytes, LEN, 0) != LEN || bytes[0] != wanted || bytes[LAST] != wanted)
        die("file %ld has %lu and %lu, not %lu", n, bytes[0], bytes[LAST], wanted);
    close(fd);
}

int main(int argc, char **argv)
{
    pthread_t thread[64];
    if (argc != 5)
        return 2;
    folder = argv[1];
    files = atol(argv[2]);
    threads = atol(argv[3]);
    visits = atol(argv[4]);
    at = calloc((size_t)files, sizeof *at);
    rounds = calloc((size_t)files, sizeof *rounds);
    for (long n = 0; n < files; n++)
        make(n);
    long most = look(NULL).maps;
    for (long i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, run, (void *)i))
            die("pthread_create");
    for (long i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    long now = look(NULL).maps;
    printf("maps=%ld\n", now > most ? now : most);
    for (long n = 0; n < files; n++)
        check(n);
    printf("right=%ld\n", files);
    return 0;
}
