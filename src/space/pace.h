/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pace: how many VMAs a minute the process gains, for `mapherd ps`. Model lock held.
 */
#ifndef MAPHERD_PACE_H
#define MAPHERD_PACE_H

#include <stdint.h>

#define PACE_CALLS 256 /* call pace_note after every so many calls, not after each */

/* Notes that the process has about that many VMAs now, and sets pace and pace_ms of the status
 * block by the number of one to two minutes ago. */
void pace_note(long maps);

/* Notes a count that a scan has measured. What the upper bound had too much was no growth. */
void pace_measured(long maps);

/* ---- growth ---- */

/*
 * How many VMAs a process has had at most, and how many it gains in an hour.
 */

struct growth {
    long peak;
    long an_hour; /* gained an hour, over the last span of an hour or more; 0 until there is one */
    long from;    /* the count at the start of the present span; 0 before the first */
    uint64_t from_ms;
    unsigned spans; /* how many have ended */
};

/* Notes a count that a scan has measured at now_ms (sys_now_ms). One thread at a time. */
void growth_note(struct growth *g, long maps, uint64_t now_ms);

/*
 * The value of vm.max_map_count that the log advises where it is limit now: twice the peak and a
 * day of growth besides fit into it (remedy_limit). The first span is the program's start and no
 * growth: a program that fills its caches in a minute would seem to need millions by the evening.
 */
long growth_advice(const struct growth *g, long limit);

#endif
