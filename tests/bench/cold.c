/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * What mappings cost that may be cold:
 *
 *     cold FOLDER FILES THREADS VISITS visit|fault|zipf|check|map|memory
 *
 * FILES files of two pages are mapped, and visited. A visit is one store, and with check it is the
 * CRC-32 of the file besides, as a store checks its blocks. Prints one number: nanoseconds a visit
 * (visit, zipf and check, which choose by a Zipf distribution); the median of all visits (fault); nanoseconds a pair of mmap and munmap of one file more
 * (map); bytes of resident memory a mapping (memory).
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
#include <unistd.h>

#include "measure.h"

#define LEN 8192
#define THREADS_MAX 64

static volatile char **at;
static unsigned long files, threads, visits;
static double *zipf; /* the sum of the weights up to each file */
static bool checks;  /* a visit reads all of the file */
static uint32_t crc_of_byte[256], sum_of_all;
static uint64_t *took[THREADS_MAX + 1]; /* of each visit, where each is measured */

static uint64_t now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static int open_file(const char *folder, unsigned long n)
{
    char name[4096];
    snprintf(name, sizeof name, "%s/%lu", folder, n);
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, LEN) < 0)
        die(name);
    return fd;
}

static char *map_file(int fd)
{
    char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        die("mmap");
    return p;
}

static void map_up_to(const char *folder, unsigned long from, unsigned long to)
{
    for (unsigned long n = from; n < to; n++) {
        int fd = open_file(folder, n);
        at[n] = map_file(fd);
        at[n][0] = 1;
        close(fd);
    }
}

static unsigned long choose(uint64_t *chance)
{
    *chance = *chance * 6364136223846793005U + 1442695040888963407U;
    uint64_t r = *chance >> 33;
    if (!zipf)
        return r % files;
    double wanted = (double)r / 0x80000000U * zipf[files - 1];
    unsigned long low = 0, high = files - 1;
    while (low < high) {
        unsigned long middle = (low + high) / 2;
        if (zipf[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low * 7919 % files; /* not in the order of addresses */
}

static void make_crcs(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        crc_of_byte[n] = n;
        for (int bit = 0; bit < 8; bit++)
            crc_of_byte[n] = crc_of_byte[n] >> 1 ^ (crc_of_byte[n] & 1 ? 0xedb88320 : 0);
    }
}

static uint32_t crc_of(const volatile char *p)
{
    uint32_t crc = ~0U;
    for (size_t i = 0; i < LEN; i++)
        crc = crc >> 8 ^ crc_of_byte[(crc ^ (uint8_t)p[i]) & 0xff];
    return ~crc;
}

static void *visit(void *arg)
{
    uintptr_t id = (uintptr_t)arg;
    uint64_t chance = id + 1;
    for (unsigned long n = 0; n < visits / threads; n++) {
        volatile char *p = at[choose(&chance)];
        if (!took[id]) {
            p[1]++;
            if (checks)
                __atomic_fetch_add(&sum_of_all, crc_of(p), __ATOMIC_RELAXED);
            continue;
        }
        uint64_t start = now();
        p[1]++;
        took[id][n] = now() - start;
    }
    return NULL;
}

/* Returns nanoseconds a visit. */
static double visit_all(void)
{
    pthread_t thread[THREADS_MAX];
    uint64_t start = now();
    for (uintptr_t n = 0; n < threads; n++)
        if (pthread_create(&thread[n], NULL, visit, (void *)n))
            die("pthread_create");
    for (unsigned long n = 0; n < threads; n++)
        pthread_join(thread[n], NULL);
    return (double)(now() - start) / (double)visits;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double median(void)
{
    size_t each = visits / threads;
    uint64_t *all = calloc(visits, sizeof *all);
    for (unsigned long n = 0; n < threads; n++)
        memcpy(all + n * each, took[n], each * sizeof *all);
    qsort(all, threads * each, sizeof *all, compare);
    return (double)all[threads * each / 2];
}

static double pairs(const char *folder)
{
    int fd = open_file(folder, files);
    uint64_t start = now();
    for (unsigned long n = 0; n < visits; n++) {
        char *p = map_file(fd);
        p[0] = 1;
        munmap(p, LEN);
    }
    return (double)(now() - start) / (double)visits;
}

static double resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        die("statm");
    fclose(f);
    return (double)pages * 4096;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    const char *folder = argv[1], *mode = argv[5];
    files = strtoul(argv[2], NULL, 10);
    threads = strtoul(argv[3], NULL, 10);
    visits = strtoul(argv[4], NULL, 10);
    if (threads < 1 || threads > THREADS_MAX)
        return 2;
    at = calloc(files, sizeof *at);
    if (!strcmp(mode, "memory")) {
        map_up_to(folder, 0, files / 4);
        double before = resident();
        map_up_to(folder, files / 4, files);
        printf("%.0f\n", (resident() - before) / (double)(files - files / 4));
        return 0;
    }
    map_up_to(folder, 0, files);
    checks = !strcmp(mode, "check");
    make_crcs();
    if (!strcmp(mode, "zipf") || checks) {
        zipf = calloc(files, sizeof *zipf);
        for (unsigned long n = 0; n < files; n++)
            zipf[n] = 1 / (double)(n + 1) + (n ? zipf[n - 1] : 0);
    }
    for (unsigned long n = 0; n < threads && !strcmp(mode, "fault"); n++)
        took[n] = calloc(visits, sizeof *took[n]);
    if (!strcmp(mode, "map")) {
        printf("%.1f\n", pairs(folder));
        return 0;
    }
    if (strcmp(mode, "fault"))
        visit_all(); /* until the warm ones are those that are needed */
    double mean = visit_all();
    printf("%.1f\n", took[0] ? median() : mean);
    return 0;
}
