/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pace: two marks. The older one is one to two minutes old, once the process is.
 */
#define _GNU_SOURCE
#include "space/pace.h"

#include <stdint.h>

#include "kernel/lock.h"
#include "kernel/remedy.h"
#include "kernel/sys.h"
#include "tell/status.h"

#define MINUTE_MS 60000
#define SOON_MS 10000 /* a shorter time says nothing of a minute */

static struct mark {
    uint64_t ms;
    long maps;
} older, newer;

void pace_note(long maps)
{
    LOCK_ASSERT(&model_lock);
    struct mark now = { sys_now_ms(), maps };
    if (!older.ms)
        older = newer = now;
    if (now.ms - newer.ms >= MINUTE_MS) {
        /* After a time without calls, growth is of now: it is spread over two minutes at most. */
        older = newer;
        newer = now;
        if (now.ms - older.ms > 2 * MINUTE_MS)
            older.ms = now.ms - 2 * MINUTE_MS;
    }
    if (now.ms - older.ms < SOON_MS)
        return;
    STATUS_SET(pace, (now.maps - older.maps) * MINUTE_MS / (long)(now.ms - older.ms));
    STATUS_SET(pace_ms, now.ms);
}

/* A mark is an upper bound too, which may be too high by any amount. It becomes no higher than the
 * count. */
void pace_measured(long maps)
{
    LOCK_ASSERT(&model_lock);
    if (older.maps > maps)
        older.maps = maps;
    if (newer.maps > maps)
        newer.maps = maps;
    pace_note(maps);
}

/* ---- growth ---- */

#define HOUR_MS (3600UL * 1000)
#define HOURS_AHEAD 24

void growth_note(struct growth *g, long maps, uint64_t now_ms)
{
    if (maps > g->peak)
        g->peak = maps;
    uint64_t span = now_ms - g->from_ms;
    if (g->from && span < HOUR_MS)
        return;
    /* A span ends with a scan: it lasts hours where the program calls little. */
    if (g->from && g->spans++)
        g->an_hour = maps > g->from ? (long)((uint64_t)(maps - g->from) * HOUR_MS / span) : 0;
    g->from = maps;
    g->from_ms = now_ms;
}

long growth_advice(const struct growth *g, long limit)
{
    return remedy_limit(2 * g->peak + HOURS_AHEAD * g->an_hour, limit);
}
