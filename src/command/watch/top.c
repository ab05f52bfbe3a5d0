/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd top: the processes nearest to their limit, live.
 */
#define _GNU_SOURCE
#include "command/watch/top.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- which processes are shown, and in which order ---- */

static const char *const sort_names[SORTS] = {
    [SORT_MAPS] = "maps", [SORT_GROWTH] = "growth", [SORT_COLD] = "cold",
    [SORT_PID] = "pid",   [SORT_USER] = "user",     [SORT_PROGRAM] = "program",
};

const char *top_sort_name(enum top_sort sort)
{
    return sort_names[sort];
}

/* False if there is no such column. */
static bool sort_named(const char *name, enum top_sort *sort)
{
    for (*sort = 0; *sort < SORTS; ++*sort)
        if (strcmp(name, sort_names[*sort]) == 0)
            return true;
    return false;
}

/* Whether a text that the list shows of the process has the filter in it, in letters of any
 * case. */
static bool passes(const struct process *one, const char *filter)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)one->target.pid);
    return !*filter || strcmp(pid, filter) == 0 || strcasestr(one->user, filter) ||
           strcasestr(one->target.name, filter) || strcasestr(one->most.what, filter);
}

/* VMAs gained a minute; LONG_MIN where that is not known, which is least. */
static long growth_of(const struct top *t, const struct process *one)
{
    const struct history *h = history_of(&t->histories, one);
    long a_minute;
    return (h && history_pace(h, &a_minute)) || process_pace(one, &a_minute) ? a_minute : LONG_MIN;
}

static int order(long a, long b)
{
    return (a > b) - (a < b);
}

static const struct top *arranged; /* for the order below */

static int by_column(const void *left, const void *right)
{
    const struct process *a = *(const struct process *const *)left;
    const struct process *b = *(const struct process *const *)right;
    int o = 0;
    switch (arranged->sort) {
    case SORT_GROWTH: o = order(growth_of(arranged, b), growth_of(arranged, a)); break;
    case SORT_COLD: o = order((long)b->block.cold, (long)a->block.cold); break;
    case SORT_PID: o = order(a->target.pid, b->target.pid); break;
    case SORT_USER: o = strcmp(a->user, b->user); break;
    case SORT_PROGRAM: o = strcmp(a->target.name, b->target.name); break;
    default: break;
    }
    if (!o)
        o = order(b->target.maps, a->target.maps);
    if (!o)
        o = order(a->target.pid, b->target.pid);
    return arranged->reverse ? -o : o;
}

void top_arrange(struct top *t)
{
    t->n_shown = 0;
    for (size_t i = 0; i < t->all.n; i++) {
        t->shown = enough_room(t->shown, t->n_shown, &t->shown_room, sizeof *t->shown);
        if (passes(&t->all.at[i], t->filter))
            t->shown[t->n_shown++] = &t->all.at[i];
    }
    arranged = t;
    if (t->n_shown)
        qsort(t->shown, t->n_shown, sizeof *t->shown, by_column);
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
        processes_read(&t->all, true);
    else
        top_close_up(t);
    note_all(t);
    top_arrange(t);
    if (t->close_up && !t->only)
        top_close_up(t);
}

static void print_shown(const struct top *t)
{
    struct processes shown = { .unreadable = t->all.unreadable };
    for (size_t i = 0; i < t->n_shown; i++) {
        shown.at = enough_room(shown.at, shown.n, &shown.room, sizeof *shown.at);
        shown.at[shown.n++] = *t->shown[i];
    }
    processes_json(&shown, SIZE_MAX);
    free(shown.at);
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
            top_round(t);
            print_shown(t);
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
    const char *every = "2", *pid = NULL, *sort = "maps", *filter = "";
    const struct flag flags[] = {
        { "json", &json, NULL }, { "d", NULL, &every },       { "p", NULL, &pid },
        { "sort", NULL, &sort }, { "filter", NULL, &filter }, { NULL, NULL, NULL },
    };
    struct top t = { 0 };
    if (verb_args(&verb_top, flags, argc, argv) > 0)
        return misused(&verb_top, "'%s' is one word too many; -p names a process", argv[0]);
    if (!sort_named(sort, &t.sort))
        return misused(&verb_top,
                       "--sort '%s' is no column: maps, growth, cold, pid, user or program", sort);
    if (strlen(filter) >= sizeof t.filter)
        return misused(&verb_top, "--filter is longer than %zu bytes", sizeof t.filter - 1);
    strcpy(t.filter, filter);
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
    .synopsis = "[-d SECONDS] [-p PID] [--sort COLUMN] [--filter TEXT] [--json]",
    .summary = "watch the processes that are nearest to their limit",
    .help =
        "The same as ps, live. Up and down (or k and j) choose a process, Enter looks closer: its\n"
        "count over time, what holds its maps, and what the library in it has done. < and > choose\n"
        "the column that the list is sorted by, r turns the order round, / filters, ? shows all\n"
        "keys, q ends it. Of the chosen process the line above the last says what holds its maps.\n"
        "The column 'a minute' is by what was seen since top runs. Where a process has cold mappings\n"
        "(MAPHERD_COLD), 'cold' says how many: they take no map, and are made warm at the next access.\n"
        "Looked at closely, a process that makes 1,000 or more warm a second is said to thrash.\n"
        "Each round reads the list of maps of every process; before Linux 6.18 a process that maps\n"
        "memory waits meanwhile, so there, long lists want a longer -d.\n\n"
        "  -d SECONDS     the time between two rounds (2)\n"
        "  -p PID         this process alone\n"
        "  --sort COLUMN  maps, growth, cold, pid, user or program (maps)\n"
        "  --filter TEXT  only processes whose program, user or holder has it, or the id that it is\n"
        "  --json         a JSON object a round, on one line, without end\n",
    .run = top,
};
