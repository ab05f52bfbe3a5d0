/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * promise: what an msync that returned has promised.
 */
#ifndef WITNESS_PROMISE_H
#define WITNESS_PROMISE_H

#include <stdint.h>

#define PAGE 4096L
#define PAGES 4L /* a buffer */
#define BUFFERS 192L

/* The first one promises nothing but the file itself: count is 0. */
struct promise {
    uint64_t records;      /* that the disk had written down when it returned */
    uint64_t first, count; /* slots */
    uint64_t values[PAGES];
};

#endif
