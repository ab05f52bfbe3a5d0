/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record: see record.h.
 */
#define _GNU_SOURCE
#include "trace/record.h"

#include <string.h>
#include <time.h>

#include "common/due.h"
#include "common/fmt.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/recordfile.h"
#include "tell/status.h"
#include "trace/leaks.h"
#include "trace/ledger.h"

#define BEGINS_AT 64     /* mapping calls */
#define WORTH_KEEPING 64 /* recorded mappings that are left at an exit */
#define EVERY_MS 1000

/* The last warning before there was a record. */
static struct mapherd_record_event first;

static char program[32];
static long process; /* its id: a vfork child, which has another, makes no record */
static unsigned warnings;
static bool busy; /* a thread makes or renews the record */
static bool over; /* no record is made or renewed any more */
static uint64_t next_ms;
static struct news told; /* what the last point and the copy of the status block say */

static uint64_t wall_ms(void)
{
    return sys_clock_ns(CLOCK_REALTIME_COARSE) / 1000000;
}

/* ---- events ---- */

static void fill_event(struct mapherd_record_event *e, uint64_t number, enum log_level level,
                       unsigned about, const char *text)
{
    __atomic_store_n(&e->number, 0, __ATOMIC_RELEASE);
    e->time_ms = wall_ms();
    e->kind = about;
    e->level = level;
    e->thread = (int32_t)sys_gettid();
    fmt(e->text, sizeof e->text, "%s", text);
    __atomic_store_n(&e->number, number, __ATOMIC_RELEASE);
}

static struct mapherd_record_event *event_slot(struct mapherd_record_head *h, uint64_t n)
{
    return (struct mapherd_record_event *)((char *)h + h->events_at) + n % MAPHERD_RECORD_EVENTS;
}

static void take_event(enum log_level level, enum event event, const char *text)
{
    unsigned about = event_rows[event].about;
    struct mapherd_record_head *h = recordfile_head();
    if (level <= LOG_WARNING) {
        __atomic_fetch_add(&warnings, 1, __ATOMIC_RELAXED);
        due_set(DUE_RECORD);
    }
    if (h) {
        uint64_t n = __atomic_fetch_add(&h->events_ever, 1, __ATOMIC_RELAXED);
        fill_event(event_slot(h, n), n + 1, level, about, text);
    } else if (level <= LOG_WARNING) {
        fill_event(&first, 1, level, about, text);
    }
}

/* ---- the count over time ---- */

static void add_point(struct mapherd_record_point *points, uint64_t second, int64_t count,
                      int64_t limit)
{
    uint64_t span = 1;
    for (unsigned level = 0; level < MAPHERD_RECORD_LEVELS; level++, span *= 4) {
        struct mapherd_record_point *p =
            points + level * MAPHERD_RECORD_POINTS + second / span % MAPHERD_RECORD_POINTS;
        if (p->time != second / span * span) {
            p->time = 0; /* no point, as long as it changes */
            p->most = count;
        } else if (p->most < count) {
            p->most = count;
        }
        p->count = count;
        p->limit = limit;
        __atomic_store_n(&p->time, second / span * span, __ATOMIC_RELEASE);
    }
}

static void renew(struct mapherd_record_head *h)
{
    uint64_t now = wall_ms();
    int64_t bound = STATUS_GET(bound), limit = STATUS_GET(limit);
    if (bound >= 0)
        add_point((struct mapherd_record_point *)((char *)h + h->history_at), now / 1000, bound,
                  limit);
    memcpy(&h->status, &mapherd_status_block, sizeof h->status);
    h->touched_ms = now;
    news_tell(&told);
}

/* ---- beginning and end ---- */

/* Makes the record, but not in a vfork child, which has its parent's memory and another process
 * id. */
static void make(void)
{
    const char *path;
    if (sys_getpid() != process)
        return;
    long answer = recordfile_make(program, &path);
    if (answer < 0) {
        over = true;
        /* A warning only where the user has asked for a record. */
        log_line_at(
            options.dir.len || options.leaks == LEAKS_ON ? LOG_WARNING : LOG_DEBUG,
            EVENT_record_failed,
            "no record of this process: %s cannot be made: %s (error %ld); MAPHERD_DIR names a folder for "
            "it, on tmpfs, ext4, xfs or btrfs",
            path, reason_of(-answer), -answer);
        return;
    }
    struct mapherd_record_head *h = recordfile_head();
    if (__atomic_load_n(&first.number, __ATOMIC_ACQUIRE)) {
        *event_slot(h, 0) = first;
        h->events_ever = 1;
    }
    count_now();
    renew(h);
    if (options.leaks == LEAKS_ON)
        leaks_set(MAPHERD_WANTED_START);
}

static bool is_off(void)
{
    return words_equal(options.dir, words_text("off"));
}

static bool begin(void)
{
    return !__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE);
}

static void end(void)
{
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

void record_before(void)
{
    if (options.leaks != LEAKS_ON || over || recordfile_head() || !begin())
        return;
    if (!recordfile_head() && !over)
        make();
    end();
}

/* Makes the record or renews it, if either is due. */
static void look(struct mapherd_record_head *h)
{
    uint64_t now = sys_now_ms();
    if ((h && !news_are_due(&told) && now < __atomic_load_n(&next_ms, __ATOMIC_RELAXED)) ||
        !begin())
        return;
    __atomic_store_n(&next_ms, now + EVERY_MS, __ATOMIC_RELAXED);
    if (h)
        renew(h);
    else if (!over)
        make();
    end();
}

bool record_asked(void)
{
    const struct mapherd_record_head *h = recordfile_head();
    return h && __atomic_load_n(&h->wanted, __ATOMIC_RELAXED) && !over;
}

bool record_settle(void)
{
    struct mapherd_record_head *h = recordfile_head();
    if (over)
        return false;
    if (record_asked())
        leaks_set(__atomic_exchange_n(&h->wanted, MAPHERD_WANTED_NOTHING, __ATOMIC_ACQUIRE));
    else if (h || __atomic_load_n(&due_calls, __ATOMIC_RELAXED) >= BEGINS_AT ||
             __atomic_load_n(&warnings, __ATOMIC_RELAXED))
        look(h);
    return false;
}

void record_start(const char *name)
{
    over = is_off();
    process = sys_getpid();
    fmt(program, sizeof program, "%s", name);
    if (over)
        return;
    log_observe(take_event);
    record_before();
}

/* Recorded mappings are left, more than any small program leaves, and the folder has room. */
static bool is_worth_keeping(const struct mapherd_record_head *h)
{
    if (!h->leaks || ledger_pieces() < WORTH_KEEPING)
        return false;
    if (recordfile_folder_has_room())
        return true;
    log_line(
        EVENT_record_removed,
        "the record of this process is removed: the records in its folder take more than an eighth of the "
        "filesystem; mapherd clean removes old ones, and MAPHERD_DIR names another folder");
    return false;
}

static void leave(const struct mapherd_record_head *h)
{
    recordfile_end(recordfile_is_asked_for() || is_worth_keeping(h));
}

bool record_leave(void)
{
    if (!recordfile_head() || over || sys_getpid() != process || !lock_take(&record_lock))
        return false;
    bool left = recordfile_unname();
    lock_drop(&record_lock);
    return left;
}

void record_forgo(void)
{
    if (!options.dir.len && sys_getpid() == process)
        over = true;
}

void record_return(void)
{
    if (!lock_take(&record_lock))
        return;
    long answer = recordfile_rename();
    lock_drop(&record_lock);
    if (answer < 0)
        log_line(EVENT_record_unnamed,
                 "the record has lost its name, which cannot be made again: %s (error %ld)",
                 reason_of(-answer), -answer);
}

void record_end(void)
{
    struct mapherd_record_head *h = recordfile_head();
    if (!h || over)
        return;
    over = true;
    renew(h);
    h->ended_ms = wall_ms();
    h->state = MAPHERD_RECORD_EXITED;
    leave(h);
}

void record_close(void)
{
    struct mapherd_record_head *h = recordfile_head();
    leaks_set(MAPHERD_WANTED_STOP);
    log_observe(NULL);
    over = true;
    if (!h)
        return;
    renew(h);
    leave(h);
}

void record_after_fork(void)
{
    recordfile_after_fork();
    warnings = 0;
    first.number = 0;
    busy = false;
    over = is_off();
    process = sys_getpid();
}
