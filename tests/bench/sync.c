/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sync: a store of many buffers that are synced one by one. bench and tests run it with the
 * library and without.
 *
 *     sync store FILE BUFFERS up|down|once    maps FILE in buffers of 1 MiB, stores to a page of
 *                each, msyncs each in that order, or the file once; prints milliseconds
 *     sync check FILE BUFFERS                 0 if what store stored is in the file
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure.h"

#define BUFFER (1L << 20)
#define PAGE 4096

static double now_us(void)
{
    return (double)clock_ns(CLOCK_MONOTONIC) / 1e3;
}

/* Where in buffer n the stores go: not always the same page. */
static long place(long n)
{
    return n * 37 % (BUFFER / PAGE) * PAGE;
}

static uint64_t value(long n)
{
    return 0x6d6170686572640aU + (uint64_t)n * 2654435761U;
}

static char **map_all(const char *file, long buffers, int fd)
{
    char **at = calloc((size_t)buffers, sizeof *at);
    if (!at || ftruncate(fd, buffers * BUFFER) < 0)
        die(file);
    for (long n = 0; n < buffers; n++) {
        at[n] = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * BUFFER);
        if (at[n] == MAP_FAILED)
            die("mmap");
    }
    return at;
}

static void sync_one(char *buffer)
{
    if (msync(buffer, BUFFER, MS_SYNC) < 0)
        die("msync");
}

static int store(const char *file, long buffers, const char *order)
{
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        die(file);
    char **at = map_all(file, buffers, fd);
    for (long n = 0; n < buffers; n++)
        *(uint64_t *)(at[n] + place(n)) = value(n);
    double start = now_us();
    if (!strcmp(order, "once") && fsync(fd) < 0)
        die("fsync");
    for (long n = 0; n < buffers && strcmp(order, "once"); n++)
        sync_one(at[strcmp(order, "up") ? buffers - 1 - n : n]);
    printf("%.1f\n", (now_us() - start) / 1000);
    return 0;
}

static int check(const char *file, long buffers)
{
    int fd = open(file, O_RDONLY);
    if (fd < 0)
        die(file);
    for (long n = 0; n < buffers; n++) {
        uint64_t found = 0;
        if (pread(fd, &found, sizeof found, n * BUFFER + place(n)) != sizeof found ||
            found != value(n)) {
            fprintf(stderr, "buffer %ld holds %llx\n", n, (unsigned long long)found);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "store"))
        return store(argv[2], atol(argv[3]), argv[4]);
    if (argc == 4 && !strcmp(argv[1], "check"))
        return check(argv[2], atol(argv[3]));
    return 2;
}
