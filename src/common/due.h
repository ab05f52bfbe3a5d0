/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * due: what is to be done at the end of the next call, as one word.
 *
 * Whoever leaves work for later sets a bit: under a lock, in a signal handler, on a path that must
 * stay short. The end of each call reads the word, and where it is 0 nothing else. A bit stays set
 * until the work says that nothing is left (entry/capabilities.h). The numbers of the bits
 * are the order in which the work is done.
 *
 * All functions are thread- and async-signal-safe.
 */
#ifndef MAPHERD_DUE_H
#define MAPHERD_DUE_H

enum due {
    DUE_OVERLAYS,  /* spilled pages may go back, zeros may be lifted (disk/overlays.h) */
    DUE_KEEPS,     /* a file is kept that nothing holds (disk/keeps.h) */
    DUE_RETENTION, /* a retained range may be given back (herd/retention.h) */
    DUE_COUNT,     /* a scan, or a lower pressure (space/count.h) */
    DUE_COLD,      /* mappings of files are to become cold (limit/cold.h) */
    DUE_MASTERS,   /* a master is to be unmapped (herd/placement.h) */
    DUE_RECORD,    /* a look whether the record is to be made or renewed (trace/record.h) */
    DUE_METRICS,   /* a look whether the file of metrics is to be renewed (tell/metrics.h) */
    DUE_MISTAKE,   /* a function was called without its lock (kernel/lock.h): the gate closes */
};

extern unsigned due_word;

/* How many calls have ended. */
extern unsigned due_calls;

static inline unsigned due_now(void)
{
    return __atomic_load_n(&due_word, __ATOMIC_RELAXED);
}

/* Writes the word even where the bit is set already. Another thread may be about to clear it:
 * either that thread sees the work that the caller has left, or the bit is set again. */
static inline void due_set(enum due bit)
{
    __atomic_fetch_or(&due_word, 1U << bit, __ATOMIC_RELEASE);
}

static inline void due_clear(enum due bit)
{
    __atomic_fetch_and(&due_word, ~(1U << bit), __ATOMIC_ACQ_REL);
}

/* Counts a call that ends. What is renewed from time to time is looked at every DUE_CALLS calls. A
 * call that is not counted, because two threads count at once, does no harm. */
#define DUE_CALLS 16
static inline void due_count_call(void)
{
    unsigned n = __atomic_load_n(&due_calls, __ATOMIC_RELAXED) + 1;
    __atomic_store_n(&due_calls, n, __ATOMIC_RELAXED);
    if (n % DUE_CALLS == 0) {
        due_set(DUE_RECORD);
        due_set(DUE_METRICS);
    }
}

#endif
