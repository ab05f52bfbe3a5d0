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

enum pressure { PRESSURE_CALM, PRESSURE_RAISED, PRESSURE_HIGH, PRESSURE_FULL };

struct pressure_actions {
    bool guards; /* protect with guard markers instead of splits */
    bool join;   /* make one VMA of chunks that were mapped through several open()s of a file */
    bool fill;   /* map the gaps between the chunks of a file, and retain what is unmapped inside */
    bool hold;   /* hold the files of new mappings, so that these can be cold (limit/cold.h) */
    bool refuse; /* refuse mappings of files: the last VMAs are for stacks, guards and allocators */
};

/* What is in force now: the row of the level, changed by the options. */
struct pressure_actions pressure_actions(void);

/* The level now. MAPHERD_PRESSURE fixes it. */
enum pressure pressure_level(void);

/* The number of VMAs from which on the process is at a level; limit is vm.max_map_count. */
long pressure_border(enum pressure level, long limit);

/* Sets the level by a count that a scan has measured, and logs a change. */
void pressure_is(long maps, long limit);

/* Whether an upper bound of the count allows the level to fall. */
bool pressure_may_fall(long upper_bound);

/* Lets the level fall, and logs that, if an upper bound of the count allows it. */
void pressure_at_most(long upper_bound, long limit);

/* How often the level has fallen from full. If that changes after a call was refused, the refusal
 * has helped. */
unsigned pressure_relieved(void);

/* "calm", "raised", "high" or "full". */
const char *pressure_name(enum pressure level);

#endif
