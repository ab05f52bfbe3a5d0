/*
 * reserve: who is refused, who waits, and who is told to collect.
 */
#define _GNU_SOURCE
#include "limit/reserve.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "kernel/lock.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/pressure.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

#define COLLECT_EVERY_MS 3000
/* A collection has helped if so many file maps were granted since, out of what it gave back; and has no
 * more to give if none was for so long. */
#define HELPED 32
#define QUIET_MS 100
/* How long a thread waits while nothing is granted; its second try, for which it has collected; and
 * whatever is granted to others. */
#define PATIENCE_MS 5000
#define SECOND_PATIENCE_MS 2000
#define LONGEST_MS 10000
#define NAP_MS 10
#define LOG_EVERY_MS 60000
#define TOLD 64
#define TOLD_HOLDS_MS 60000 /* one that has not come back by then got the answer of other calls */

static struct lock turn;
static struct {
    uint64_t told_ms;    /* when a thread was told to collect; 0: none yet */
    uint64_t granted_ms; /* when a file map was last granted while the level was full */
    unsigned granted;    /* how many since told_ms */
    unsigned relieved;   /* pressure_relieved() at told_ms */
    unsigned next;       /* place in told */
} last;

/* Threads that were told to collect, and will try again. */
static struct {
    long thread; /* 0: none */
    uint64_t ms;
} told[TOLD];

void reserve_after_fork(void)
{
    lock_reset(&turn);
    memset(told, 0, sizeof told);
}

static uint64_t now_ms(void)
{
    return sys_now_ms() + 1; /* 0 means never */
}

static bool granted(void)
{
    count_before_file();
    if (count_refuses_files())
        return false;
    if (pressure_actions().refuse) {
        __atomic_store_n(&last.granted_ms, now_ms(), __ATOMIC_RELAXED);
        __atomic_fetch_add(&last.granted, 1, __ATOMIC_RELAXED);
    }
    return true;
}

/* Whether this is the second try of the calling thread. Lock held. */
static bool comes_back(uint64_t now)
{
    long self = sys_gettid();
    for (unsigned i = 0; i < TOLD; i++) {
        if (told[i].thread == self) {
            told[i].thread = 0;
            return now - told[i].ms < TOLD_HOLDS_MS;
        }
    }
    return false;
}

/* A collection is worth it: none is under way, or the last one has given all it had. Lock held. */
static bool worth_collecting(uint64_t now)
{
    uint64_t granted_ms = __atomic_load_n(&last.granted_ms, __ATOMIC_RELAXED);
    bool helped = __atomic_load_n(&last.granted, __ATOMIC_RELAXED) >= HELPED;
    bool gives = now < granted_ms + QUIET_MS;
    return !last.told_ms || last.relieved != pressure_relieved() ||
           (!gives && (helped || now - last.told_ms >= COLLECT_EVERY_MS));
}

/* The calling thread is told to collect. Lock held. */
static void tell_to_collect(uint64_t now)
{
    told[last.next].thread = sys_gettid();
    told[last.next].ms = now;
    last.next = (last.next + 1) % TOLD;
    last.told_ms = now;
    last.relieved = pressure_relieved();
    __atomic_store_n(&last.granted, 0, __ATOMIC_RELAXED);
}

static bool out_of_patience(uint64_t now, uint64_t since, uint64_t patience)
{
    uint64_t granted_ms = __atomic_load_n(&last.granted_ms, __ATOMIC_RELAXED);
    uint64_t from = granted_ms > since ? granted_ms : since;
    return now >= since + LONGEST_MS || now >= from + patience;
}

/* True if a map can be had after all; false: the thread collects, or has waited in vain. */
static bool wait_for_collection(void)
{
    uint64_t since = now_ms(), now = since;
    if (!lock_take(&turn))
        return false;
    bool second = comes_back(now);
    lock_drop(&turn);
    for (;;) {
        bool over = out_of_patience(now, since, second ? SECOND_PATIENCE_MS : PATIENCE_MS);
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

long reserve_answer(size_t len)
{
    static struct log_limit often;
    unsigned more;
    if (granted())
        return 0;
    /* Only a JVM takes ENOMEM for an order to collect; others get the kernel's word always. A level
     * that is held (MAPHERD_PRESSURE) does not fall, whatever is given back. */
    if (count_saw_jvm() && options.pressure == HOLD_NONE && wait_for_collection())
        return 0;
    STATUS_ADD(refused, 1);
    if (log_allowed(&often, LOG_EVERY_MS, &more))
        log_line(LOG_ERROR | LOG_ABOUT_REFUSAL, "refused to map %zu bytes of a file: the last maps below "
                 "vm.max_map_count are kept for stacks, guard pages and allocators "
                 "(MAPHERD_RESERVE); refused since the last such line: %u", len, more);
    return -ENOMEM;
}
