/*
 * growth: see growth.h.
 */
#define _GNU_SOURCE
#include "space/growth.h"

#define HOUR_MS (3600UL * 1000)
#define HOURS_AHEAD 24
#define ADVICE_LEAST 262144L
#define ADVICE_MOST (1L << 30) /* the kernel keeps an int */

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

long growth_advice(const struct growth *g)
{
    long value = ADVICE_LEAST;
    while (value < ADVICE_MOST && value < 2 * g->peak + HOURS_AHEAD * g->an_hour)
        value *= 2;
    return value;
}
