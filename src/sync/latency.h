/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * latency: how long the program waited for its msync calls.
 *
 * The numbers go to the status block. An msync that took MAPHERD_SYNC_SLOW milliseconds or longer
 * is logged in one line, with file, range, time, and what was dirty when it began; at most one line
 * a second. Both functions take no lock and are thread- and async-signal-safe.
 */
#ifndef MAPHERD_LATENCY_H
#define MAPHERD_LATENCY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One msync that goes to the kernel. */
struct synced {
    uintptr_t addr;
    size_t len;
    int fd; /* a descriptor that may be of its file; -1: the file is not known */
    dev_t dev;
    ino_t ino;
    uint64_t offset; /* in the file, if that is known */
    long dirty;      /* pages; negative: not known */
    uint64_t began;  /* CLOCK_MONOTONIC, ns */
};

/* Sets dirty and began, before the kernel is asked. */
void latency_begin(struct synced *s);

/* Counts and logs the msync, to which the kernel has answered: 0 or -errno. Returns the nanoseconds
 * that it took. */
uint64_t latency_end(const struct synced *s, long answer);

#endif
