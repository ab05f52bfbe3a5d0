/*
 * mapherd top: the processes nearest to their limit, live.
 */
#define _GNU_SOURCE
#include "command/watch/top.h"

#include <limits.h>
#include <stdlib.h>

#include "command/lib/enough.h"

/* ---- the counts over time ---- */

enum { MINUTE_MS = 60000 };

static void history_begin(struct histories *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->at[i].seen = false;
}

struct history *history_of(const struct histories *h, const struct process *one)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->at[i].pid == one->target.pid && h->at[i].started == one->started)
            return &h->at[i];
    return NULL;
}

/* What is seen of cold mappings is then of the time since the last note, if there is one. */
static void history_note(struct histories *h, struct process *one, uint64_t now_ms)
{
    struct history *of = history_of(h, one);
    if (of && one->told && of->block.magic)
        one->cold = cold_between(&of->block, &one->block, now_ms - history_ms(of, 0));
    if (!of) {
        h->at = enough_room(h->at, h->n, &h->room, sizeof *h->at);
        of = &h->at[h->n++];
        *of = (struct history){ .pid = one->target.pid, .started = one->started };
    }
    of->seen = true;
    of->maps[of->n % HISTORY_LEN] = one->target.maps;
    of->ms[of->n % HISTORY_LEN] = now_ms;
    of->n++;
    of->block = one->block;
}

static void history_end(struct histories *h)
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

/* ---- rounds ---- */

void top_close_up(struct top *t)
{
    t->n_most = TOP_MOST;
    t->one_is_there = process_read(&t->one, t->close_up, t->most, &t->n_most);
    for (size_t i = 0; i < t->all.n; i++)
        if (t->all.at[i].target.pid == t->close_up)
            t->one.cold = t->all.at[i].cold;
}

static void note_all(struct top *t)
{
    uint64_t now = units_now(CLOCK_MONOTONIC);
    history_begin(&t->histories);
    if (t->only && t->one_is_there)
        history_note(&t->histories, &t->one, now);
    for (size_t i = 0; i < t->all.n; i++)
        history_note(&t->histories, &t->all.at[i], now);
    history_end(&t->histories);
}

void top_round(struct top *t)
{
    t->at = time(NULL);
    if (!t->only)
        processes_read(&t->all, false);
    else
        top_close_up(t);
    note_all(t);
    if (t->close_up && !t->only)
        top_close_up(t);
}

/* One object a line; until the reader has gone, or the only process. */
static int run_json(struct top *t)
{
    struct timespec pause = { t->every_ms / 1000, t->every_ms % 1000 * 1000000 };
    for (;;) {
        if (t->only) {
            top_close_up(t);
            if (!t->one_is_there)
                return FAILED;
            note_all(t);
            t->one.most = t->most[0];
            processes_json(&(struct processes){ &t->one, 1, 1, 0 }, 1);
        } else {
            processes_read(&t->all, true);
            note_all(t);
            processes_json(&t->all, SIZE_MAX);
        }
        if (fflush(stdout) != 0)
            return FAILED;
        nanosleep(&pause, NULL);
    }
}

/* ---- the verb ---- */

static int top(int argc, char **argv)
{
    bool json = false;
    const char *every = "2", *pid = NULL;
    const struct flag flags[] = {
        { "json", &json, NULL },
        { "d", NULL, &every },
        { "p", NULL, &pid },
        { NULL, NULL, NULL },
    };
    struct top t = { 0 };
    if (verb_args(&verb_top, flags, argc, argv) > 0)
        return misused(&verb_top, "'%s' is one word too many; -p names a process", argv[0]);
    t.every_ms = 1000 * verb_number(&verb_top, "-d", every, 1, 86400);
    if (pid) {
        t.only = t.close_up = (pid_t)verb_number(&verb_top, "-p", pid, 1, INT_MAX);
        struct target target;
        char *operand[] = { (char *)pid };
        int found = target_find(&verb_top, 1, operand, &target);
        if (found == DONE)
            found = target_read(&target, NULL, NULL);
        if (found != DONE)
            return found;
    }
    return json ? run_json(&t) : screen_run(&t);
}

const struct verb verb_top = {
    .name = "top",
    .synopsis = "[-d SECONDS] [-p PID] [--json]",
    .summary = "watch the processes that are nearest to their limit",
    .help =
        "The same as ps, live. Up and down (or k and j) choose a process, Enter looks closer: its\n"
        "count over time, who holds its maps, and what the library in it has done. q ends it. The\n"
        "column 'a minute' is by what was seen since top runs. Where a process has cold mappings\n"
        "(MAPHERD_COLD), 'cold' says how many: they take no map, and are made warm at the next access.\n"
        "Looked at closely, a process that makes 1,000 or more warm a second is said to thrash.\n"
        "Each round reads the list of maps of every process; before Linux 6.18 a process that maps\n"
        "memory waits meanwhile, so there, long lists want a longer -d.\n\n"
        "  -d SECONDS  the time between two rounds (2)\n"
        "  -p PID      this process alone\n"
        "  --json      a JSON object a round, on one line, without end\n",
    .run = top,
};
