/*
 * mapherd top: the processes nearest to their limit, live.
 */
#define _GNU_SOURCE
#include "command/watch/top.h"

#include <limits.h>

#include "command/watch/ps.h"

void top_close_up(struct top *t)
{
    t->n_most = TOP_MOST;
    t->one_is_there = process_read(&t->one, t->close_up, t->most, &t->n_most);
}

void top_round(struct top *t)
{
    t->at = time(NULL);
    if (t->close_up)
        top_close_up(t);
    history_begin(&t->histories);
    if (t->only) {
        if (t->one_is_there)
            history_note(&t->histories, &t->one, units_now(CLOCK_MONOTONIC));
    } else {
        processes_read(&t->all, false);
        uint64_t now = units_now(CLOCK_MONOTONIC);
        for (size_t i = 0; i < t->all.n; i++)
            history_note(&t->histories, &t->all.at[i], now);
    }
    history_end(&t->histories);
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
            t->one.most = t->most[0];
            ps_json(&(struct processes){ &t->one, 1, 1, 0 }, 1);
        } else {
            processes_read(&t->all, true);
            ps_json(&t->all, SIZE_MAX);
        }
        if (fflush(stdout) != 0)
            return FAILED;
        nanosleep(&pause, NULL);
    }
}

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
    t.every_ms = 1000 * ps_number(&verb_top, "-d", every, 1, 86400);
    if (pid) {
        t.only = t.close_up = (pid_t)ps_number(&verb_top, "-p", pid, 1, INT_MAX);
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
        "column 'a minute' is by what was seen since top runs.\n"
        "Each round reads the list of maps of every process; before Linux 6.18 a process that maps\n"
        "memory waits meanwhile, so there, long lists want a longer -d.\n\n"
        "  -d SECONDS  the time between two rounds (2)\n"
        "  -p PID      this process alone\n"
        "  --json      a JSON object a round, on one line, without end\n",
    .run = top,
};
