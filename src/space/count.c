/*
 * count: the bound, its marks, and the words for them.
 */
#define _GNU_SOURCE
#include "space/count.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "space/model.h"
#include "space/pace.h"
#include "space/pressure.h"
#include "space/regions.h"
#include "tell/holders_text.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/recordfile.h"
#include "tell/status.h"

#define MARKS_MAX 10
#define FIRST_CALLS 4096
#define AT_START 100 /* what the loader mapped before us, about */
/* The reading after one that found the mark still far off comes a sixteenth of the way on. */
#define STEP_SHARE 16
/* While file maps are refused, the truth is found out so often: threads that end go unseen. */
#define FRESH_MS 1000
/* A mark is armed again when the count has fallen this many percent of the limit below it. */
#define REARM_PERCENT 5

static struct lock read_lock; /* before the model lock, see lock.h */
static char *read_buffer;

/* Written with the model lock held; read without it by count_due and the reading thread, hence
 * by SET and GET. */
#define SET(field, value) __atomic_store_n(&count.field, (value), __ATOMIC_RELAXED)
#define GET(field) __atomic_load_n(&count.field, __ATOMIC_RELAXED)
static struct {
    long bound, limit, trigger;
    unsigned long calls, next_calls;
    int marks[MARKS_MAX], mark_count;
    uint64_t read_ms; /* when it was last made exact */
    int passed; /* how many marks have been logged and not fallen below since */
    struct growth growth;
} count = { .bound = AT_START, .limit = -1, .trigger = LONG_MAX, .next_calls = FIRST_CALLS };

/* What the last reading that looked said of the files, for a failing call to repeat. Two, so that
 * the one in use is never the one being written. */
static char words[2][512];
static unsigned words_in_use;

static long share(long limit, int percent)
{
    return limit / 100 * percent + limit % 100 * percent / 100;
}

static void aim(long exact)
{
    SET(trigger, LONG_MAX);
    if (count.limit <= 0)
        return;
    long next = count.limit;
    for (int i = count.mark_count - 1; i >= 0 && share(count.limit, count.marks[i]) > exact; i--)
        next = share(count.limit, count.marks[i]);
    for (enum pressure p = PRESSURE_RAISED; p <= PRESSURE_FULL; p++) {
        long border = pressure_border(p, count.limit);
        if (border > exact && border < next)
            next = border;
    }
    long step = exact < count.limit ? (count.limit - exact) / STEP_SHARE : count.limit / STEP_SHARE;
    SET(trigger, next > exact + step ? next : exact + step);
}

void count_start(char *buffer)
{
    read_buffer = buffer;
    count.limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    if (count.limit < 0)
        count.limit = -1;
    STATUS_SET(limit, count.limit);
    count.mark_count = options_percents(options.warn, count.marks, MARKS_MAX);
    aim(0);
}

void count_add(long maps)
{
    SET(bound, count.bound + maps);
    SET(calls, count.calls + 1);
    if (count.calls % PACE_CALLS == 0)
        pace_note(count.bound);
    STATUS_SET(bound, count.bound);
    STATUS_SET(calls, count.calls);
}

bool count_due(void)
{
    return GET(bound) >= GET(trigger) || GET(calls) >= GET(next_calls);
}

struct reading {
    long maps;
    uintptr_t end; /* of the map that was read last */
    struct holders *holders; /* NULL: only count */
};

static bool jvm;

bool count_saw_jvm(void)
{
    return __atomic_load_n(&jvm, __ATOMIC_RELAXED);
}

static bool is_jvm(const struct procmap *m)
{
    static const char end[] = "/libjvm.so";
    const size_t len = sizeof end - 1;
    return m->exec && m->path_len > len && !memcmp(m->path + m->path_len - len, end, len);
}

static bool read_one(const struct procmap *m, void *context)
{
    struct reading *r = context;
    if (!procmaps_counts(m))
        return true;
    r->maps++;
    if (is_jvm(m))
        __atomic_store_n(&jvm, true, __ATOMIC_RELAXED);
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

static void name_top(const struct holders *h)
{
    unsigned other = !words_in_use;
    holders_text(h, words[other], sizeof words[other]);
    __atomic_store_n(&words_in_use, other, __ATOMIC_RELEASE);
    recordfile_name_top(h);
}

static void warn(long exact)
{
    int reached = 0;
    while (reached < count.mark_count && exact >= share(count.limit, count.marks[reached]))
        reached++;
    if (reached > count.passed)
        log_line(LOG_WARNING | LOG_ABOUT_PRESSURE, "%ld maps, %ld %% of vm.max_map_count = %ld; %s",
                 exact, exact * 100 / count.limit, count.limit, words[words_in_use]);
    if (reached > count.passed)
        count.passed = reached;
    while (count.passed > 0 &&
           exact < share(count.limit, count.marks[count.passed - 1] - REARM_PERCENT))
        count.passed--;
}

/* True if a reading that finds this many maps would have something to say, or there is a record to
 * say it in. */
static bool worth_naming(long bound)
{
    return recordfile_head() || (count.limit > 0 && count.mark_count > count.passed &&
            bound >= share(count.limit, count.marks[count.passed]));
}

/* Memory for the names, in the zone, where it merges with nothing: it is one map exactly. */
static long names_memory(size_t size)
{
    if (!model_take())
        return -EAGAIN;
    uintptr_t hint = windows_pick(size);
    model_drop();
    return sys_mmap(hint, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Counts, and names the files if the bound says that there may be need to. */
static long read_list(void)
{
    struct holders holders;
    struct reading r = { 0 };
    long bound = GET(bound);
    size_t size = (size_t)(bound < 1024 ? 1024 : bound) * 256;
    long mem = worth_naming(bound) ? names_memory(size) : -EAGAIN;
    if (mem > 0) {
        holders_start(&holders, (void *)mem, size);
        r.holders = &holders;
    }
    long lines = procmaps_read(PROCMAPS_SELF, read_buffer, COUNT_BUFFER, read_one, &r);
    if (mem > 0) {
        r.maps--; /* the memory for the names was one of them */
        holders.total--;
        holders.anonymous--;
        if (lines >= 0)
            name_top(&holders);
        sys_munmap((uintptr_t)mem, size);
    }
    return lines < 0 ? lines : r.maps;
}

void count_read(void)
{
    if (!lock_try(&read_lock))
        return;
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    long before = GET(bound);
    long exact = limit > 0 ? read_list() : -1;
    STATUS_ADD(readings, 1);
    if (model_take()) {
        SET(next_calls, count.calls > FIRST_CALLS / 2 ? count.calls * 2 : FIRST_CALLS);
        if (exact < 0) {
            SET(trigger, LONG_MAX); /* no /proc: nothing true could be said */
        } else {
            long since = count.bound - before;
            SET(limit, limit);
            SET(bound, exact + (since > 0 ? since : 0));
            pace_exact(count.bound);
            SET(read_ms, sys_now_ms());
            growth_note(&count.growth, exact, count.read_ms);
            aim(count.bound);
            STATUS_SET(limit, limit);
            STATUS_SET(exact, exact);
            STATUS_SET(bound, count.bound);
        }
        model_drop();
        if (exact >= 0) {
            warn(exact);
            pressure_is(exact, limit);
        }
    }
    lock_drop(&read_lock);
}

void count_now(void)
{
    if (GET(limit) > 0)
        count_read();
}

/* The level is full by a reading so young that it still holds. */
static bool is_fresh(void)
{
    return pressure_level() == PRESSURE_FULL && sys_now_ms() - GET(read_ms) < FRESH_MS;
}

/* A reading decides whether file maps are refused. Not while the level is held, whatever the count, nor
 * where none is ever refused. */
static bool decides(void)
{
    return options.pressure == HOLD_NONE && options.mode != MODE_OBSERVE &&
           options_reserve(options.reserve, 1000) > 0;
}

void count_before_file(void)
{
    long limit = GET(limit);
    if (limit <= 0 || model_mine() || GET(bound) < pressure_border(PRESSURE_FULL, limit) ||
        !decides() || is_fresh())
        return;
    if (lock_take(&read_lock)) /* another thread's reading ends first */
        lock_drop(&read_lock);
    if (GET(bound) >= pressure_border(PRESSURE_FULL, limit) && !is_fresh())
        count_read();
}

bool count_refuses_files(void)
{
    if (!pressure_actions().refuse)
        return false;
    return options.pressure != HOLD_NONE ||
           GET(bound) >= pressure_border(PRESSURE_FULL, GET(limit));
}

void count_settle(void)
{
    enum pressure before = pressure_level();
    if (GET(limit) > 0)
        pressure_at_most(GET(bound), GET(limit));
    if (pressure_level() < before && model_take()) {
        aim(count.bound);
        model_drop();
    }
    if (count_due())
        count_read();
}

void count_known(struct count_known *known)
{
    unsigned in_use = __atomic_load_n(&words_in_use, __ATOMIC_ACQUIRE);
    *known = (struct count_known){ .limit = -1, .words = words[in_use] };
    if (!model_take())
        return;
    known->limit = count.limit;
    known->bound = count.bound;
    known->growth = count.growth;
    model_drop();
}

/* False where a signal handler forks that interrupted a reading: the lock is the reading's. */
static bool taken_for_fork;

void count_before_fork(void)
{
    /* A handler above the model lock's owner must not wait for a reader, who waits for that lock. */
    bool taken = model_mine() ? lock_try(&read_lock) : lock_take(&read_lock);
    taken_for_fork = taken;
}

void count_after_fork(bool child)
{
    if (child)
        lock_reset(&read_lock);
    else if (taken_for_fork)
        lock_drop(&read_lock);
}
