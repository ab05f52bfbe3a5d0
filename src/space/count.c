/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * count: the upper bound, the marks at which it is measured, and the lines of the log about them.
 */
#define _GNU_SOURCE
#include "space/count.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "common/due.h"
#include "kernel/procmaps.h"
#include "kernel/procstat.h"
#include "kernel/sys.h"
#include "space/model.h"
#include "space/pace.h"
#include "space/pressure.h"
#include "space/regions.h"
#include "space/swing.h"
#include "space/zone.h"
#include "tell/holders.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/recordfile.h"
#include "tell/status.h"

#define MARKS_MAX 10
#define FIRST_CALLS 4096
#define AT_START 100 /* about what the loader has mapped before the library */
/* The next scan comes no sooner than a sixteenth of the way to the limit on. */
#define STEP_SHARE 16
/* While the upper bound is over the border of "full", a scan holds this long for mappings of files.
 * No hook sees a thread's stack go. */
#define FULL_MS 1000
/* Holders in a line of the log. */
#define TOLD 3

static struct lock scan_lock = { .rank = LOCK_SCAN }; /* before the model lock, see lock.h */
static char *scan_buffer;

/* The model lock protects writes. count_due and the scan read without it: hence SET and GET. */
#define SET(field, value) __atomic_store_n(&count.field, (value), __ATOMIC_RELAXED)
#define GET(field) __atomic_load_n(&count.field, __ATOMIC_RELAXED)
static struct {
    long upper_bound, limit, trigger;
    bool cools;     /* mappings may become cold */
    long cools_at;  /* the border of the level "high", if they may */
    long full_at;   /* the border of the level "full" */
    long added;     /* VMAs that calls have added at most, what was taken away is not set off */
    long under_way; /* calls between count_begin and count_ended */
    long replaced;  /* of `added`, for mappings that took the place of others */
    long excess;    /* of the upper bound over what is likely: `replaced` while the last scan ran */
    unsigned long calls, next_calls;
    int marks[MARKS_MAX], mark_count;
    uint64_t scan_ms;         /* the time of the last scan */
    unsigned long scan_calls; /* how many calls it was after */
    int passed; /* marks that have been logged, and below which the count has not fallen since */
    struct swing swings[MARKS_MAX];
    struct growth growth;
} count = { .upper_bound = AT_START,
            .limit = -1,
            .trigger = LONG_MAX,
            .cools_at = LONG_MAX,
            .full_at = LONG_MAX,
            .next_calls = FIRST_CALLS };

/* The holders by the last scan that named them, for a failing call to repeat. There are two texts,
 * so that the one in use is never the one that is being written. */
static char words[2][512];
static unsigned words_in_use;

/* Mappings that are counted and take no VMA. */
static long spared;

static long bound(void)
{
    return GET(upper_bound) - __atomic_load_n(&spared, __ATOMIC_RELAXED);
}

static long share(long limit, int percent)
{
    return limit / 100 * percent + limit % 100 * percent / 100;
}

static void aim(long measured)
{
    SET(trigger, LONG_MAX);
    if (count.limit <= 0)
        return;
    if (count.cools)
        SET(cools_at, pressure_border(PRESSURE_HIGH, count.limit));
    SET(full_at, pressure_border(PRESSURE_FULL, count.limit));
    long next = count.limit;
    for (int i = count.mark_count - 1; i >= 0 && share(count.limit, count.marks[i]) > measured; i--)
        next = share(count.limit, count.marks[i]);
    for (enum pressure p = PRESSURE_RAISED; p <= PRESSURE_FULL; p++) {
        long border = pressure_border(p, count.limit);
        if (border > measured && border < next)
            next = border;
    }
    long step =
        measured < count.limit ? (count.limit - measured) / STEP_SHARE : count.limit / STEP_SHARE;
    SET(trigger, next > measured + step ? next : measured + step);
}

void count_start(char *buffer)
{
    scan_buffer = buffer;
    count.limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    if (count.limit < 0)
        count.limit = -1;
    STATUS_SET(limit, count.limit);
    count.mark_count = options_percents(options.warn, count.marks, MARKS_MAX);
    aim(0);
}

static inline bool is_due(long maps)
{
    return maps >= GET(trigger) || GET(calls) >= GET(next_calls);
}

bool count_due(void)
{
    return is_due(bound());
}

/* There is something to settle (count_settle). */
static inline bool is_to_settle(long maps)
{
    return is_due(maps) || pressure_may_fall(maps);
}

/* After months the number of calls doubles too seldom. Calls that pass no hook, or another limit,
 * are seen by a scan every few minutes. */
static bool is_old(void)
{
    enum { OLD_MS = 600000 };
    return count.calls - count.scan_calls >= FIRST_CALLS && sys_now_ms() - count.scan_ms >= OLD_MS;
}

void count_add(long maps)
{
    LOCK_ASSERT(&model_lock);
    unsigned long calls = count.calls + 1;
    SET(upper_bound, count.upper_bound + maps);
    if (maps > 0)
        SET(added, count.added + maps);
    SET(calls, calls);
    long now = bound();
    if (calls % PACE_CALLS == 0) {
        pace_note(now);
        if (is_old())
            SET(next_calls, calls);
    }
    STATUS_SET(bound, now);
    STATUS_SET(calls, calls);
    if (is_to_settle(now))
        due_set(DUE_COUNT);
    if (now >= GET(cools_at))
        due_set(DUE_COLD);
}

void count_replaced(void)
{
    SET(replaced, count.replaced + 1);
    count_add(1);
}

void count_spare(long vmas)
{
    __atomic_fetch_add(&spared, vmas, __ATOMIC_RELAXED);
    long now = bound();
    STATUS_SET(bound, now);
    if (is_to_settle(now))
        due_set(DUE_COUNT);
}

void count_cools(void)
{
    count.cools = true;
    if (count.limit > 0)
        SET(cools_at, pressure_border(PRESSURE_HIGH, count.limit));
}

bool count_wants_cold(bool going_on)
{
    enum { ROOM_SHARE = 32 };
    long limit = GET(limit), border = pressure_border(PRESSURE_HIGH, limit);
    return limit > 0 && bound() >= (going_on ? border - limit / ROOM_SHARE : border);
}

void count_begin(long maps)
{
    count_add(maps);
    __atomic_fetch_add(&count.under_way, 1, __ATOMIC_RELAXED);
}

void count_ended(void)
{
    /* In a child that was forked by a handler in the middle of a call there are none. */
    if (__atomic_sub_fetch(&count.under_way, 1, __ATOMIC_RELEASE) < 0)
        SET(under_way, 0);
}

struct scan {
    long maps;
    uintptr_t end;           /* of the VMA before this one */
    struct holders *holders; /* NULL: the scan only counts */
};

static bool jvm;

bool count_saw_jvm(void)
{
    return __atomic_load_n(&jvm, __ATOMIC_RELAXED);
}

void count_note_jvm(void)
{
    __atomic_store_n(&jvm, true, __ATOMIC_RELAXED);
}

static bool is_jvm(const struct procmap *m)
{
    static const char end[] = "/libjvm.so";
    const size_t len = sizeof end - 1;
    return m->exec && m->path_len > len && !memcmp(m->path + m->path_len - len, end, len);
}

static bool scan_one(const struct procmap *m, void *context)
{
    struct scan *r = context;
    if (!procmaps_counts(m))
        return true;
    r->maps++;
    if (is_jvm(m))
        count_note_jvm();
    if (r->holders)
        holders_add(r->holders, m);
    if (model_take()) {
        regions_forget_gone(r->end, m->start);
        regions_adopt(m->start, m->end);
        model_drop();
    }
    r->end = m->end;
    return true;
}

static void name_top(struct holders *h)
{
    static struct holding rows[MAPHERD_RECORD_TOP]; /* under the scan lock */
    struct procstat threads = { .label = "Threads" };
    unsigned other = !words_in_use;
    procstat_read("/proc/thread-self/status", &threads, 1);
    h->threads = threads.value == PROCSTAT_NONE ? 0 : (long)threads.value;
    size_t n = holders_rows(h, rows, MAPHERD_RECORD_TOP);
    holders_text(h, rows, n < TOLD ? n : TOLD, words[other], sizeof words[other]);
    __atomic_store_n(&words_in_use, other, __ATOMIC_RELEASE);
    recordfile_name_top(rows, n);
}

static void warn(long measured)
{
    int reached = 0;
    while (reached < count.mark_count && measured >= share(count.limit, count.marks[reached]))
        reached++;
    if (reached > count.passed)
        log_line(EVENT_maps, "%ld maps, %ld %% of vm.max_map_count = %ld; %s", measured,
                 measured * 100 / count.limit, count.limit, words[words_in_use]);
    if (reached > count.passed) {
        count.passed = reached;
        pressure_warned();
    }
    while (count.passed > 0 &&
           swing_has_fallen(&count.swings[count.passed - 1], measured,
                            share(count.limit, count.marks[count.passed - 1]), count.limit))
        swing_fell(&count.swings[--count.passed]);
}

/* True if a scan that measures this count would log a line, or there is a record for the
 * holders. */
static bool worth_naming(long upper_bound)
{
    return recordfile_head() || (count.limit > 0 && count.mark_count > count.passed &&
                                 upper_bound >= share(count.limit, count.marks[count.passed]));
}

/* Memory for the names. It lies in the zone, where it merges with nothing: it is exactly one
 * VMA. */
static long names_memory(size_t size)
{
    if (!model_take())
        return -EAGAIN;
    uintptr_t hint = zone_pick(size);
    model_drop();
    return sys_mmap(hint, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
}

/* Counts, and names the files where the upper bound makes that worthwhile. */
static long scan_list(void)
{
    struct holders holders;
    struct scan r = { 0 };
    long upper_bound = bound();
    size_t size = (size_t)(upper_bound < 1024 ? 1024 : upper_bound) * 256;
    long mem = worth_naming(upper_bound) ? names_memory(size) : -EAGAIN;
    if (mem > 0) {
        holders_start(&holders, (void *)mem, size);
        r.holders = &holders;
    }
    long lines = procmaps_scan(PROCMAPS_SELF, scan_buffer, COUNT_BUFFER, scan_one, &r);
    if (mem > 0) {
        r.maps--; /* the memory for the names was one of them */
        holders.total--;
        holders.of[MEMORY_PRIVATE].maps--;
        holders.of[MEMORY_PRIVATE].bytes -= size;
        if (lines >= 0)
            name_top(&holders);
        sys_munmap((uintptr_t)mem, size);
    }
    return lines < 0 ? lines : r.maps;
}

/* What calls have counted before a scan reads the list. */
struct earlier {
    long added, under_way; /* VMAs; under_way: the list may not have them yet */
    long replaced;
};

/* False in a signal handler that has interrupted the owner of the model lock. */
static bool calls_so_far(struct earlier *e)
{
    if (!model_take())
        return false;
    long calls = GET(under_way);
    *e = (struct earlier){ .added = count.added,
                           .under_way = calls > 0 ? calls * COUNT_CALL : 0,
                           .replaced = count.replaced };
    model_drop();
    return true;
}

/* The process lacks something now, which says nothing of the next scan. */
static bool is_passing(long error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EINTR;
}

void count_scan(void)
{
    if (!lock_try(&scan_lock))
        return;
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    struct earlier earlier;
    if (!calls_so_far(&earlier)) {
        lock_drop(&scan_lock);
        return;
    }
    long measured = limit > 0 ? scan_list() : limit < 0 ? limit : -ENOENT;
    STATUS_ADD(readings, 1);
    if (model_take()) {
        SET(next_calls, count.calls > FIRST_CALLS / 2 ? count.calls * 2 : FIRST_CALLS);
        SET(scan_calls, count.calls);
        if (is_passing(measured)) {
            SET(next_calls, count.calls + FIRST_CALLS);
            aim(bound());
        } else if (measured < 0) {
            SET(trigger, LONG_MAX); /* without /proc no scan will ever succeed */
        } else {
            /* What was added meanwhile may lie where the scan had passed already, and what was
             * taken away where it had not yet come. */
            long added = count.added - earlier.added;
            SET(limit, limit);
            SET(upper_bound,
                measured + earlier.under_way + added + __atomic_load_n(&spared, __ATOMIC_RELAXED));
            SET(excess, count.replaced - earlier.replaced);
            pace_measured(bound());
            SET(scan_ms, sys_now_ms());
            growth_note(&count.growth, measured, count.scan_ms);
            aim(bound());
            STATUS_SET(limit, limit);
            STATUS_SET(exact, measured);
            STATUS_SET(bound, bound());
        }
        model_drop();
        if (measured >= 0) {
            warn(measured);
            pressure_is(measured, limit);
        }
    }
    lock_drop(&scan_lock);
}

void count_now(void)
{
    if (GET(limit) > 0)
        count_scan();
}

/*
 * How many VMAs there are, for the question whether a file may be mapped. Where a mapping takes the
 * place of another one while a scan runs, the scan has one of them as a rule, and the upper bound
 * has both. Threads of a JVM that come and go map their guard pages so, again and again. If each
 * mapping of a file measured that, a process near the limit would do nothing but scan.
 */
static long likely(void)
{
    return bound() - GET(excess);
}

/* A scan decides whether mappings of files are refused. It does not where MAPHERD_PRESSURE fixes
 * the level, nor where nothing is ever refused. */
static bool decides(void)
{
    return options.pressure == HOLD_NONE && options.mode != MODE_OBSERVE &&
           options_reserve(options.reserve, 1000) > 0;
}

/* The border is reached, and that is not what a recent scan has found. Where only the upper bound
 * has reached it, a scan brings that down, but not at each call. */
static bool is_to_measure(void)
{
    bool recent = sys_now_ms() - GET(scan_ms) < FULL_MS;
    if (likely() < GET(full_at))
        return bound() >= GET(full_at) && !recent;
    return !(pressure_level() == PRESSURE_FULL && recent);
}

void count_before_file(void)
{
    if (GET(limit) <= 0 || bound() < GET(full_at) || model_mine() || !decides() || !is_to_measure())
        return;
    if (lock_take(&scan_lock)) /* waits for the scan of another thread */
        lock_drop(&scan_lock);
    if (is_to_measure())
        count_scan();
}

bool count_refuses_files(void)
{
    if (!pressure_actions().refuse)
        return false;
    return options.pressure != HOLD_NONE || likely() >= GET(full_at);
}

bool count_settle(void)
{
    enum pressure before = pressure_level();
    if (GET(limit) > 0)
        pressure_at_most(bound(), GET(limit));
    if (pressure_level() < before && model_take()) {
        aim(bound());
        model_drop();
    }
    if (count_due())
        count_scan();
    return is_to_settle(bound());
}

void count_known(struct count_known *known)
{
    unsigned in_use = __atomic_load_n(&words_in_use, __ATOMIC_ACQUIRE);
    *known = (struct count_known){ .limit = -1, .words = words[in_use] };
    if (!model_take())
        return;
    known->limit = count.limit;
    known->upper_bound = bound();
    known->likely = likely() < count.limit ? likely() : count.limit;
    known->growth = count.growth;
    model_drop();
}

bool count_before_fork(void)
{
    /* A handler that has interrupted the model lock's owner must not wait for a scan, which waits
     * for that lock. */
    return model_mine() ? lock_try(&scan_lock) : lock_take(&scan_lock);
}

void count_after_fork(bool taken)
{
    if (taken)
        lock_drop(&scan_lock);
}

void count_begin_in_child(void)
{
    lock_reset(&scan_lock);
    SET(under_way, 0); /* the threads that made those calls are not here */
}
