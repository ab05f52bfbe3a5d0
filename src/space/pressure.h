/*
 * pressure: how near the process is to its map limit, in four levels.
 *
 *   calm < 50 % <= raised < 80 % <= high < limit - MAPHERD_RESERVE <= full
 *
 * What is done at a level stands in one table, in pressure.c. A level rises by a reading, which
 * is exact, and falls by the bound, which is never below the truth; it falls when the count is
 * one percent of the limit below its border, so that it does not flutter.
 */
#ifndef MAPHERD_PRESSURE_H
#define MAPHERD_PRESSURE_H

#include <stdbool.h>

enum pressure { PRESSURE_CALM, PRESSURE_RAISED, PRESSURE_HIGH, PRESSURE_FULL };

struct pressure_actions {
    bool guards; /* protect with guard markers instead of splits */
    bool join;   /* make chunks that were mapped through several open()s of a file one map */
    bool fill;   /* map the gaps between a file's chunks, keep what is unmapped inside */
    bool refuse; /* refuse file maps: the last ones are for stacks, guards and allocators */
};

/* What is in force now: the level's row, and what the options say. Thread- and signal-safe. */
struct pressure_actions pressure_actions(void);

enum pressure pressure_level(void);

/* Where a level begins, in maps. */
long pressure_border(enum pressure level, long limit);

/* The count is exactly maps: sets the level, and logs a change. */
void pressure_is(long maps, long limit);

/* The count is at most bound. Cheap where the level stays. */
void pressure_at_most(long bound, long limit);

/* How often the level has fallen from full: a refusal that was followed by that helped. */
unsigned pressure_relieved(void);

/* "calm", "raised", "high", "full" */
const char *pressure_name(enum pressure level);

#endif
