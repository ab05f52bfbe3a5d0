/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pressure: how near the process is to its map limit, in four levels.
 *
 *   calm < 50 % <= raised < 80 % <= high < limit - MAPHERD_RESERVE <= full
 *
 * A table in pressure.c says what is done at each level. A level rises by a scan, which measures
 * the count, and falls by the upper bound, which is never below the count. It falls when that is
 * one percent of the limit below the border, so that it does not change with every call. Every
 * function is thread- and async-signal-safe and takes no lock.
 */
#ifndef MAPHERD_PRESSURE_H
#define MAPHERD_PRESSURE_H

#include <stdbool.h>

#include "tell/options.h"

enum pressure { PRESSURE_CALM, PRESSURE_RAISED, PRESSURE_HIGH, PRESSURE_FULL };

struct pressure_actions {
    bool guards; /* protect with guard markers instead of splits */
    bool join;   /* make one VMA of chunks that were mapped through several open()s of a file */
    bool fill;   /* map the gaps between the chunks of a file, and retain what is unmapped inside */
    bool hold;   /* hold the files of new mappings, so that these can be cold (limit/cold.h) */
    bool refuse; /* refuse mappings of files: the last VMAs are for stacks, guards and allocators */
};

struct pressure_row {
    const char *name;
    struct pressure_actions actions;
};
extern const struct pressure_row pressure_rows[];

/* The level by the last scan, and the count below which it falls: for the functions below. */
extern int pressure_measured;
extern long pressure_falls_below;

/* The level now. MAPHERD_PRESSURE fixes it. */
static inline enum pressure pressure_level(void)
{
    if (options.pressure != HOLD_NONE)
        return (enum pressure)(options.pressure - HOLD_CALM);
    return (enum pressure)__atomic_load_n(&pressure_measured, __ATOMIC_RELAXED);
}

/* What a level brings: its row, changed by the options. Inline, as pressure_actions. */
static inline struct pressure_actions pressure_actions_at(enum pressure level)
{
    struct pressure_actions now = pressure_rows[level].actions;
    if (options.guards != GUARDS_AUTO)
        now.guards = options.guards == GUARDS_ON;
    if (options.coalesce != COALESCE_AUTO) {
        now.fill = options.coalesce == COALESCE_FILL;
        now.join = now.fill || options.coalesce == COALESCE_JOIN;
    }
    if (now.refuse)
        now.refuse = options_reserve(options.reserve, 1000) > 0;
    return now;
}

/* What is in force now. It is inline because each call asks for one action. */
static inline struct pressure_actions pressure_actions(void)
{
    if (options.mode == MODE_OBSERVE)
        return pressure_rows[PRESSURE_CALM].actions;
    return pressure_actions_at(pressure_level());
}

/* The number of VMAs from which on the process is at a level; limit is vm.max_map_count. */
long pressure_border(enum pressure level, long limit);

/* Sets the level by a count that a scan has measured, and logs a change that is no mere swing. */
void pressure_is(long maps, long limit);

/* Whether an upper bound of the count allows the level to fall. */
static inline bool pressure_may_fall(long upper_bound)
{
    return upper_bound < __atomic_load_n(&pressure_falls_below, __ATOMIC_RELAXED);
}

/* A line of the log has warned of a mark (MAPHERD_WARN): the end of that is told as loudly. */
void pressure_warned(void);

/* Lets the level fall, and logs that, if an upper bound of the count allows it. */
void pressure_at_most(long upper_bound, long limit);

/* How often the level has fallen from full. If that changes after a call was refused, the refusal
 * has helped. */
unsigned pressure_relieved(void);

/* "calm", "raised", "high" or "full". */
const char *pressure_name(enum pressure level);

#endif
