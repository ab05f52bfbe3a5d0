/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * top: what `mapherd top` watches, for the screen that shows it: the last round, and the counts of
 * VMAs over the time that the processes have been watched.
 */
#ifndef MAPHERD_TOP_H
#define MAPHERD_TOP_H

#include <time.h>

#include "command/watch/processes.h"

enum { HISTORY_LEN = 512 };

struct history {
    pid_t pid;
    uint64_t started;
    bool seen;                   /* in the present round */
    size_t n;                    /* the last HISTORY_LEN are kept */
    struct mapherd_status block; /* the last, where the process has told it */
    long maps[HISTORY_LEN];
    uint64_t ms[HISTORY_LEN];
};

struct histories {
    struct history *at;
    size_t n, room;
};

/* The history of a process; NULL if it was never noted. */
struct history *history_of(const struct histories *h, const struct process *one);

/* How many counts are kept; the count, and its time in ms, that lies `back` places before the
 * last. */
size_t history_kept(const struct history *h);
long history_maps(const struct history *h, size_t back);
uint64_t history_ms(const struct history *h, size_t back);

/* The VMAs gained per minute, as the last minute shows. False while there are less than two
 * counts. */
bool history_pace(const struct history *h, long *a_minute);

/* What the list is sorted by: a column of it. */
enum top_sort { SORT_MAPS, SORT_GROWTH, SORT_COLD, SORT_PID, SORT_USER, SORT_PROGRAM, SORTS };

/* "maps", "growth", and so on. */
const char *top_sort_name(enum top_sort sort);

enum { TOP_MOST = 8 }; /* rows of holders of the process that is shown closely */

struct top {
    long every_ms;
    pid_t only;     /* -p: this process alone; 0: all */
    pid_t close_up; /* the process that is shown closely; 0: none */
    enum top_sort sort;
    bool reverse;    /* the other end of the list first */
    char filter[64]; /* "": all processes are shown */

    /* The last round: */
    struct processes all;
    const struct process **shown; /* those of all that the filter lets through, sorted */
    size_t n_shown, shown_room;
    struct histories histories;
    struct process one; /* close_up, if it is there */
    bool one_is_there;
    struct held_row most[TOP_MOST];
    size_t n_most;
    time_t at;
};

/* Begins a round: reads every process, or the only one. */
void top_round(struct top *t);

/* Makes the shown list of the last round anew, after the sort or the filter has changed. */
void top_arrange(struct top *t);

/* Reads the process that is shown closely once more. Its history goes on. */
void top_close_up(struct top *t);

/* Shows the rounds in the terminal until the user quits. Returns DONE, or FAILED after a
 * complaint. */
int screen_run(struct top *t);

#endif
