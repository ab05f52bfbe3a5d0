/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pressure: the table of the levels, and their changes.
 */
#define _GNU_SOURCE
#include "space/pressure.h"

#include <limits.h>
#include <string.h>

#include "common/due.h"
#include "common/fmt.h"
#include "kernel/sys.h"
#include "space/swing.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

#define FALL_SHARE 100 /* a level falls when the count is this part of the limit below it */

const struct pressure_row pressure_rows[] = {
    [PRESSURE_CALM] = { "calm", { false, false, false, false, false } },
    [PRESSURE_RAISED] = { "raised", { true, true, false, true, false } },
    [PRESSURE_HIGH] = { "high", { true, true, true, true, false } },
    [PRESSURE_FULL] = { "full", { true, true, true, true, true } },
};

int pressure_measured;
long pressure_falls_below = LONG_MIN;
static unsigned relieved;

/* What the log was told. It stays where the level swings (swing.h). */
static int told;
static bool warned; /* of a mark, since it was last told "calm" */
static struct swing swings[PRESSURE_FULL + 1];

const char *pressure_name(enum pressure which)
{
    return pressure_rows[which].name;
}

long pressure_border(enum pressure which, long limit)
{
    switch (which) {
    case PRESSURE_RAISED: return limit / 2;
    case PRESSURE_HIGH: return limit / 5 * 4;
    case PRESSURE_FULL: return limit - options_reserve(options.reserve, limit);
    default: return LONG_MIN;
    }
}

/* The count below which the level falls. */
static long fall_of(enum pressure which, long limit)
{
    return which == PRESSURE_CALM ? LONG_MIN : pressure_border(which, limit) - limit / FALL_SHARE;
}

/* The level of the log's next line, where the process is at now: told falls later than now. */
static enum pressure next_told(enum pressure was, enum pressure now, long maps, long limit)
{
    if (now >= was)
        return now;
    while (was > now && swing_has_fallen(&swings[was], maps, pressure_border(was, limit), limit))
        was--;
    return was;
}

/* The clauses of what would be done at that level, and not at the one below. */
static void add_observed(char *text, size_t size, enum pressure level)
{
    struct pressure_actions now = pressure_actions_at(level),
                            below = pressure_actions_at(level - 1);
    const struct {
        bool would;
        const char *clause;
    } parts[] = {
        { now.guards && !below.guards, "guard pages would take no map" },
        { now.join && !below.join, "the chunks of a file would lie side by side also where it is "
                                   "opened for each" },
        { now.fill && !below.fill, "gaps between the chunks of a file would be mapped too" },
        { now.refuse && !below.refuse, "mappings of files would be refused, so that stacks and "
                                       "allocators have the last maps" },
    };
    text[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].would) {
            size_t len = strlen(text);
            fmt(text + len, size - len, "%s%s", len ? ", " : "", parts[i].clause);
        }
}

/* MAPHERD_MODE=observe: what would be done from this level on, once for each. */
static void tell_observed(enum pressure now)
{
    static unsigned said;
    for (enum pressure level = PRESSURE_RAISED; level <= now; level++) {
        char would[400];
        unsigned bit = 1U << level;
        if (__atomic_fetch_or(&said, bit, __ATOMIC_RELAXED) & bit)
            continue;
        add_observed(would, sizeof would, level);
        if (*would)
            log_line_at(level > PRESSURE_RAISED ? LOG_WARNING : LOG_INFO, EVENT_observed,
                        "MAPHERD_MODE=observe changes nothing; else at the pressure %s %s; "
                        "'mapherd maps %ld' foretells how many maps would be left",
                        pressure_rows[level].name, would, sys_getpid());
    }
}

/* A fall is told as loudly as what it ends. */
static void tell(enum pressure now, long maps, long limit)
{
    int was = __atomic_load_n(&told, __ATOMIC_RELAXED);
    enum pressure next = next_told((enum pressure)was, now, maps, limit);
    int most = (int)next > was ? (int)next : was;
    if ((int)next == was || !__atomic_compare_exchange_n(&told, &was, (int)next, false,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    for (int fallen = was; fallen > (int)next; fallen--)
        swing_fell(&swings[fallen]);
    bool loud =
        most > PRESSURE_RAISED || ((int)next < was && __atomic_load_n(&warned, __ATOMIC_RELAXED));
    if (next == PRESSURE_CALM)
        __atomic_store_n(&warned, false, __ATOMIC_RELAXED);
    log_line_at(loud ? LOG_WARNING : LOG_INFO, EVENT_pressure,
                "pressure is %s, was %s: %ld of %ld maps (vm.max_map_count)",
                pressure_rows[next].name, pressure_rows[was].name, maps, limit);
    if (options.mode == MODE_OBSERVE)
        tell_observed(next);
}

void pressure_warned(void)
{
    __atomic_store_n(&warned, true, __ATOMIC_RELAXED);
}

static void change(enum pressure from, enum pressure to)
{
    if (!__atomic_compare_exchange_n(&pressure_measured, &(int){ (int)from }, (int)to, false,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    STATUS_SET(pressure, to);
    due_set(DUE_RECORD);
    due_set(DUE_METRICS);
    if (from == PRESSURE_FULL)
        __atomic_fetch_add(&relieved, 1, __ATOMIC_RELAXED);
}

static enum pressure level_of(long maps, long limit)
{
    enum pressure reached = PRESSURE_FULL;
    while (reached > PRESSURE_CALM && maps < pressure_border(reached, limit))
        reached--;
    return reached;
}

void pressure_is(long maps, long limit)
{
    enum pressure was = (enum pressure)__atomic_load_n(&pressure_measured, __ATOMIC_RELAXED);
    enum pressure now = level_of(maps, limit);
    if (now < was && maps >= fall_of(was, limit))
        now = was;
    if (now != was)
        change(was, now);
    tell(now, maps, limit);
    /* Also where the level stays: the limit may be another one than when it was reached. */
    enum pressure last = (enum pressure)__atomic_load_n(&told, __ATOMIC_RELAXED);
    long falls = fall_of(now, limit), to_tell = LONG_MIN;
    if (last > now)
        to_tell = swing_falls_below(&swings[last], pressure_border(last, limit), limit);
    __atomic_store_n(&pressure_falls_below, falls > to_tell ? falls : to_tell, __ATOMIC_RELAXED);
}

void pressure_at_most(long upper_bound, long limit)
{
    if (pressure_may_fall(upper_bound))
        pressure_is(upper_bound, limit);
}

unsigned pressure_relieved(void)
{
    return __atomic_load_n(&relieved, __ATOMIC_RELAXED);
}
