/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record: what recording costs: one measurement, printed as one number. record.sh runs it.
 *
 *     record pair             ns of an mmap + munmap pair of anonymous memory
 *     record deep [N]         ... at the end of 16 calls, of N (30,000) pairs
 *     record sites N [M]      maps N pages from M (1,000) different stacks, and ends
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "measure.h"

static long count = 30000; /* pairs */

static void *map(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return p;
}

/* Processor time, user and system. */
static double cpu_ns(void)
{
    return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static double pairs(void)
{
    double start = cpu_ns();
    for (long i = 0; i < count; i++)
        munmap(map(), 4096);
    return (cpu_ns() - start) / (double)count;
}

/* pairs(), so many calls further down. */
__attribute__((noinline)) static double down(int calls)
{
    double result = calls ? down(calls - 1) : pairs();
    __asm__ volatile("" : "+m"(result)); /* no tail call */
    return result;
}

/* A stack of its own for each way: left or right, ten times. */
__attribute__((noinline)) static void *way(unsigned bits, int calls);
__attribute__((noinline)) static void *left(unsigned bits, int calls)
{
    void *p = way(bits, calls);
    __asm__ volatile("" : "+r"(p));
    return p;
}
static void *way(unsigned bits, int calls)
{
    void *p = !calls ? map() : bits & 1 ? left(bits >> 1, calls - 1) : way(bits >> 1, calls - 1);
    __asm__ volatile("" : "+r"(p));
    return p;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    long n = argc > 2 ? atol(argv[2]) : 0;
    if (!strcmp(mode, "pair")) {
        printf("%.1f\n", pairs());
    } else if (!strcmp(mode, "deep")) {
        count = n ? n : count;
        printf("%.1f\n", down(12));
    } else if (!strcmp(mode, "sites")) {
        unsigned ways = argc > 3 ? (unsigned)atoi(argv[3]) : 1000;
        for (long i = 0; i < n; i++)
            way((unsigned)i % ways, 10);
    } else {
        fputs("usage: record pair | deep [N] | sites N [M]\n", stderr);
        return 2;
    }
    return 0;
}
