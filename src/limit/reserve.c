/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * reserve: which thread waits, and which gets ENOMEM so that it collects. See reserve.h.
 */
#define _GNU_SOURCE
#include "limit/reserve.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "kernel/lock.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "space/count.h"
#include "space/pressure.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

/* After so long the next thread collects, whatever the last collection did. */
#define COLLECT_EVERY_MS 3000
/* A collection has helped if so many mappings of files were granted since. It is over if none was
 * granted for so long. */
#define HELPED 32
#define QUIET_MS 100
/* How long a thread waits while nothing is granted to any thread: at its first try, and at its
 * second, for which it has collected; and how long in all. */
#define WAIT_MS 5000
#define SECOND_WAIT_MS 2000
#define LONGEST_MS 10000
#define NAP_MS 10
#define LOG_EVERY_MS 60000
#define TOLD 64
/* A thread that has not tried again by then had its ENOMEM from another call. */
#define TOLD_FOR_MS 60000

static struct lock turn = { .rank = LOCK_LAST };
static struct {
    uint64_t told_ms;    /* when a thread was told to collect; 0: none yet */
    uint64_t granted_ms; /* when a mapping of a file was last granted at the full level */
    unsigned granted;    /* how many since told_ms */
    unsigned relieved;   /* pressure_relieved() at told_ms */
    unsigned next;       /* place in told */
} last;

/* The threads that got ENOMEM, which tells them to collect and to try again. */
static struct {
    long thread; /* 0: none */
    uint64_t ms;
} told[TOLD];
static unsigned told_count; /* how many there are */

void reserve_after_fork(void)
{
    lock_reset(&turn);
    memset(told, 0, sizeof told);
    told_count = 0;
}

static uint64_t now_ms(void)
{
    return sys_now_ms() + 1; /* 0 means never */
}

static bool granted(void)
{
    count_before_file();
    if (count_refuses_files() && !cold_makes_room())
        return false;
    if (pressure_actions().refuse) {
        __atomic_store_n(&last.granted_ms, now_ms(), __ATOMIC_RELAXED);
        __atomic_fetch_add(&last.granted, 1, __ATOMIC_RELAXED);
    }
    return true;
}

static void forget(unsigned i)
{
    told[i].thread = 0;
    __atomic_fetch_sub(&told_count, 1, __ATOMIC_RELAXED);
}

/* This is the second try of the calling thread. Lock held. */
static bool comes_back(uint64_t now)
{
    long self = sys_gettid();
    bool found = false;
    for (unsigned i = 0; i < TOLD; i++) {
        if (told[i].thread && now >= told[i].ms + TOLD_FOR_MS)
            forget(i);
        if (told[i].thread == self) {
            forget(i);
            found = true;
        }
    }
    return found;
}

/* The calling thread has what it asked for: its next refusal is a first one. */
static void has_come_back(void)
{
    if (!__atomic_load_n(&told_count, __ATOMIC_RELAXED) || !lock_take(&turn))
        return;
    comes_back(now_ms());
    lock_drop(&turn);
}

/* A collection is worth it: none is under way, or the last one is over. Lock held. */
static bool worth_collecting(uint64_t now)
{
    uint64_t granted_ms = __atomic_load_n(&last.granted_ms, __ATOMIC_RELAXED);
    bool helped = __atomic_load_n(&last.granted, __ATOMIC_RELAXED) >= HELPED;
    bool gives = now < granted_ms + QUIET_MS;
    return !last.told_ms || last.relieved != pressure_relieved() ||
           (!gives && (helped || now >= last.told_ms + COLLECT_EVERY_MS));
}

/* The calling thread is told to collect. Lock held. */
static void tell_to_collect(uint64_t now)
{
    __atomic_fetch_add(&told_count, told[last.next].thread == 0, __ATOMIC_RELAXED);
    told[last.next].thread = sys_gettid();
    told[last.next].ms = now;
    last.next = (last.next + 1) % TOLD;
    last.told_ms = now;
    last.relieved = pressure_relieved();
    __atomic_store_n(&last.granted, 0, __ATOMIC_RELAXED);
}

/* A thread that waits since then has waited long enough. */
static bool has_waited(uint64_t now, uint64_t since, uint64_t wait)
{
    uint64_t granted_ms = __atomic_load_n(&last.granted_ms, __ATOMIC_RELAXED);
    uint64_t from = granted_ms > since ? granted_ms : since;
    return now >= since + LONGEST_MS || now >= from + wait;
}

/* True: the mapping is granted after all. False: the thread gets ENOMEM, and collects or has waited
 * in vain. */
static bool wait_for_collection(void)
{
    uint64_t since = now_ms(), now = since;
    if (!lock_take(&turn))
        return false;
    bool second = comes_back(now);
    lock_drop(&turn);
    for (;;) {
        bool over = has_waited(now, since, second ? SECOND_WAIT_MS : WAIT_MS);
        if (second && over)
            return false;
        if (!second) {
            if (!lock_take(&turn))
                return false;
            bool collect = over || worth_collecting(now);
            if (collect)
                tell_to_collect(now);
            lock_drop(&turn);
            if (collect)
                return false;
        }
        sys_nap(NAP_MS);
        if (granted())
            return true;
        now = now_ms();
    }
}

static long refuse(size_t len)
{
    static struct log_limit often;
    unsigned more;
    /* Only a JVM collects when it gets ENOMEM. A level that MAPHERD_PRESSURE sets does not fall,
     * whatever is unmapped, so no thread waits for that. */
    if (count_saw_jvm() && options.pressure == HOLD_NONE && wait_for_collection())
        return 0;
    STATUS_ADD(refused, 1);
    if (log_allowed(&often, LOG_EVERY_MS, &more)) {
        struct count_known known;
        count_known(&known);
        log_line(EVENT_refused,
                 "refused to map %zu bytes of a file at %ld of %ld maps (vm.max_map_count): %s; "
                 "'mapherd maps %ld' tells what holds them, and what helps; refused since the last "
                 "such line: %u",
                 len, known.likely, known.limit,
                 options.pressure == HOLD_NONE
                     ? "the last ones are kept for stacks, guard pages and allocators "
                       "(MAPHERD_RESERVE)"
                     : "MAPHERD_PRESSURE holds that level",
                 sys_getpid(), more);
    }
    return -ENOMEM;
}

long reserve_answer(size_t len)
{
    if (!granted())
        return refuse(len);
    has_come_back();
    return 0;
}
