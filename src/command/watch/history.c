/*
 * history: the counts of processes over the time that they were watched.
 */
#define _GNU_SOURCE
#include "command/watch/history.h"

#include <stdlib.h>

#include "command/lib/enough.h"

enum { MINUTE_MS = 60000 };

void history_begin(struct histories *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->at[i].seen = false;
}

static struct history *find(const struct histories *h, const struct process *one)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->at[i].pid == one->target.pid && h->at[i].started == one->started)
            return &h->at[i];
    return NULL;
}

const struct history *history_of(const struct histories *h, const struct process *one)
{
    return find(h, one);
}

void history_note(struct histories *h, const struct process *one, uint64_t now_ms)
{
    struct history *of = find(h, one);
    if (!of) {
        h->at = enough_room(h->at, h->n, &h->room, sizeof *h->at);
        of = &h->at[h->n++];
        *of = (struct history){ .pid = one->target.pid, .started = one->started };
    }
    of->seen = true;
    of->maps[of->n % HISTORY_LEN] = one->target.maps;
    of->ms[of->n % HISTORY_LEN] = now_ms;
    of->n++;
}

void history_end(struct histories *h)
{
    for (size_t i = 0; i < h->n;)
        if (h->at[i].seen)
            i++;
        else
            h->at[i] = h->at[--h->n];
}

size_t history_kept(const struct history *h)
{
    return h->n < HISTORY_LEN ? h->n : HISTORY_LEN;
}

long history_maps(const struct history *h, size_t back)
{
    return h->maps[(h->n - 1 - back) % HISTORY_LEN];
}

uint64_t history_ms(const struct history *h, size_t back)
{
    return h->ms[(h->n - 1 - back) % HISTORY_LEN];
}

bool history_pace(const struct history *h, long *a_minute)
{
    size_t back = 0;
    while (back + 1 < history_kept(h) && history_ms(h, 0) - history_ms(h, back) < MINUTE_MS)
        back++;
    if (!back || history_ms(h, 0) == history_ms(h, back))
        return false;
    *a_minute = (history_maps(h, 0) - history_maps(h, back)) * MINUTE_MS /
                (long)(history_ms(h, 0) - history_ms(h, back));
    return true;
}
