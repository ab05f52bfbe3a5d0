/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * measure: what the programs of make bench have in common.
 */
#ifndef MAPHERD_MEASURE_H
#define MAPHERD_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Says what failed, and errno, and ends the program. */
static inline _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The nanoseconds of a clock. */
static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
