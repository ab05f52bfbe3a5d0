/*
 * pressure: the table of the levels, and their changes.
 */
#define _GNU_SOURCE
#include "space/pressure.h"

#include <limits.h>

#include "common/due.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

#define LOG_EVERY_MS 1000
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

static void change(enum pressure from, enum pressure to, long maps, long limit)
{
    static struct log_limit often[PRESSURE_FULL + 1];
    unsigned more;
    if (!__atomic_compare_exchange_n(&pressure_measured, &(int){ (int)from }, (int)to, false,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    STATUS_SET(pressure, to);
    due_set(DUE_RECORD);
    due_set(DUE_METRICS);
    if (from == PRESSURE_FULL)
        __atomic_fetch_add(&relieved, 1, __ATOMIC_RELAXED);
    if (log_allowed(&often[to], LOG_EVERY_MS, &more))
        log_line_at(to > PRESSURE_RAISED ? LOG_WARNING : LOG_INFO, EVENT_pressure,
                    "pressure is %s, was %s: %ld of %ld maps (vm.max_map_count)%s",
                    pressure_rows[to].name, pressure_rows[from].name, maps, limit,
                    more ? "; it changed more often than is told here" : "");
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
    /* Also where the level stays: the limit may be another one than when it was reached. */
    __atomic_store_n(&pressure_falls_below, fall_of(now, limit), __ATOMIC_RELAXED);
    if (now != was)
        change(was, now, maps, limit);
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
