/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * count: how many VMAs the process has, and how near that is to vm.max_map_count.
 *
 * The kernel tells the number nowhere. A scan of /proc/self/maps, which counts its lines, takes
 * milliseconds at tens of thousands of VMAs, and stalls other threads before Linux 6.18. So an
 * upper bound is kept: each call adds what it can add at most. When the upper bound crosses a mark,
 * a scan measures the count, and that is the upper bound from then on. A scan that finds far less
 * moves the next mark away, so the number of scans grows with the logarithm of the distance to the
 * limit. For calls that pass no hook there is a scan after 4,096, 8,192, 16,384, ... calls, and if
 * the last one is ten minutes and 4,096 calls ago.
 *
 * A scan also shows the model which neighbours the kernel has merged (regions_adopt), so that the
 * upper bound stays near the count afterwards.
 */
#ifndef MAPHERD_COUNT_H
#define MAPHERD_COUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "space/pace.h"

#define COUNT_BUFFER (16UL << 10)

/* Reads vm.max_map_count and options.warn. buffer has COUNT_BUFFER bytes, which only scans use. For
 * the constructor. */
void count_start(char *buffer);

/* Counts one call, which has added at most this many VMAs to the process; negative: it has removed,
 * or is about to remove, at least that many. Model lock held. */
void count_add(long maps);

/* Counts a mapping that takes the place of others, which were counted as removed just before. Model
 * lock held. */
void count_replaced(void);

/*
 * count_begin does what count_add does for a call that the kernel is still to get: a scan that
 * begins meanwhile does not see yet what the call adds, COUNT_CALL VMAs at most. Model lock held.
 * count_ended: the kernel has answered. Takes no lock.
 */
#define COUNT_CALL 2
void count_begin(long maps);
void count_ended(void);

/* Adds to how many mappings, which the calls above have counted, take no VMA (limit/cold.h). Takes
 * no lock. */
void count_spare(long vmas);

/* From now on the calls above set DUE_COLD (common/due.h) at the border of the level "high". For
 * the constructor. */
void count_cools(void);

/* True if mappings are to become cold: the upper bound is at the border of the level "high".
 * going_on: they were to at the last question, and are until there is some room below it. Takes no
 * lock. */
bool count_wants_cold(bool going_on);

/* True if a scan is due. Takes no lock. */
bool count_due(void);

/*
 * Scans /proc/self/maps now: sets the upper bound and the pressure, and logs a line if a mark of
 * options.warn was crossed. Does nothing while another thread scans, or while this thread does in a
 * frame that a signal handler has interrupted. Called without the model lock.
 */
void count_scan(void);

/* DUE_COUNT (common/due.h): lets the pressure fall if the upper bound has fallen, and scans if it
 * is time for that. The caller does not have the model lock. */
bool count_settle(void);

/*
 * Is called before a file is mapped, which the reserve may have to refuse. If the border of the
 * highest pressure is likely to be reached and no scan has found that within the last second, or if
 * the upper bound has reached it and no scan was made in that time, the count is measured first: by
 * this thread, or by a scan that another thread has begun and that this one waits for. Called
 * without the model lock.
 */
void count_before_file(void);

/*
 * True if mappings of files are refused: the pressure is full, and its border is reached. The level
 * stays for a while after the upper bound has fallen below the border, so as not to change with
 * every call. The VMAs that are free by then may be used at once. Takes no lock.
 */
bool count_refuses_files(void);

/* Scans though no scan is due, if the limit is known: whatever tells the count from here on begins
 * with a measured one. Called without the model lock. */
void count_now(void);

/* What is known without a scan. */
struct count_known {
    long limit, upper_bound; /* -1 and 0 where they are not known */
    long likely;             /* how many VMAs there are, at most the limit; 0 as well */
    struct growth growth;
    const char *words; /* the holders of most VMAs, by the last scan that named them; or "" */
};

/* Takes the model lock. In a signal handler that has interrupted its owner, only words is known. */
void count_known(struct count_known *known);

/* True if a scan has met libjvm.so, or count_note_jvm was called. Take no lock. */
bool count_saw_jvm(void);
void count_note_jvm(void);

/* Take and release the scan lock around a fork, so that no scan is under way in another thread.
 * The first is called before the model lock is taken for the fork; it returns whether it has the
 * lock. */
bool count_before_fork(void);
void count_after_fork(bool taken);

/* In a forked child: frees the lock of a thread that is not there, and forgets its calls. */
void count_begin_in_child(void);

#endif
