/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd leaks: what a program has mapped and not unmapped, and the code that mapped it.
 */
#define _GNU_SOURCE
#include "command/leaks/leaks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command/leaks/grouptext.h"
#include "command/leaks/hints.h"
#include "command/lib/enough.h"
#include "command/lib/print.h"

static bool read_number(const char *text, unsigned long *n)
{
    char *end;
    errno = 0;
    *n = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end && !errno;
}

int leaks_view_read(const struct verb *v, struct leaks_view *view)
{
    if (!group_by_word(view->by, &view->grouping))
        return misused(v, "--by '%s' is none of stack, file, suffix, deleted, age", view->by);
    if (!read_number(view->top, &view->most))
        return misused(v, "--top '%s' is not a number of groups: 0 or more", view->top);
    if (!read_number(view->least, &view->growth))
        return misused(v, "--min-growth '%s' is not a number of mappings: 0 or more", view->least);
    if (view->folded && view->json)
        return misused(v, "--json and --folded are two answers; ask for one");
    if (view->folded && view->grouping != GROUP_STACK)
        return misused(v, "--folded has stacks; --by %s has none", view->by);
    return DONE;
}

/* Opens the operand; NULL if it is one whose mappings are recorded, else why not, in memory of
 * malloc. */
static char *open_one(struct live *l, const char *operand, const struct leaks_view *view)
{
    const char *why;
    pid_t pid;
    if (!live_open(l, operand, view->debug_dir, &why))
        return live_is_pid(operand, &pid) ? leaks_why_none(pid, why)
                                          : enough_text("%s: %s", operand, why);
    symbols_fold(l->symbols, !view->all_frames);
    const struct mapherd_record_head *h = &l->record->head;
    if (h->leaks_ms)
        return NULL;
    char *none =
        l->state == LIVE_RUNNING
            ? enough_text("no mapping of %s[%d] is recorded; 'mapherd leaks --start %s' begins "
                          "with it, MAPHERD_LEAKS=on from the start",
                          h->program, (int)h->pid, operand)
            : enough_text("no mapping of %s[%d] was recorded; MAPHERD_LEAKS=on does that",
                          h->program, (int)h->pid);
    live_close(l);
    return none;
}

int leaks_open(struct live *l, const char *operand, const struct leaks_view *view)
{
    char *why = open_one(l, operand, view);
    if (why)
        complain("%s", why);
    free(why);
    return why ? FAILED : DONE;
}

static void print_groups(const struct groups *g, const struct leaks_view *view)
{
    size_t shown = 0, rest = 0;
    group_print_head(g);
    for (size_t i = 0; i < g->n; i++) {
        const struct group *one = &g->at[i];
        if (one->mappings < view->growth || shown == view->most) {
            rest += one->mappings;
            continue;
        }
        printf("\n%3zu. %5.1f %%  ", ++shown,
               100.0 * (double)one->mappings / (double)g->all.mappings);
        group_print_numbers(one, g);
        group_print_origin(one, g);
    }
    if (g->n > shown)
        printf("\nand %s mapping%s in %s other group%s\n", grouped((long long)rest),
               plural((long)rest), grouped((long long)(g->n - shown)),
               plural((long)(g->n - shown)));
    group_print_notes(g);
}

static void print_json_heads(const struct groups *g)
{
    for (size_t i = 0; i < g->live_count; i++) {
        struct json j = { stdout, false };
        json_open(&j, NULL, '{');
        json_text(&j, "type", "record");
        group_json_head(&j, g, i);
        json_close(&j, '}');
        putchar('\n');
    }
    if (g->live_count > 1) {
        struct json j = { stdout, false };
        json_open(&j, NULL, '{');
        json_text(&j, "type", "sum");
        json_number(&j, "process_count", (long long)g->live_count);
        group_json_sum(&j, g);
        json_close(&j, '}');
        putchar('\n');
    }
}

static void print_json(const struct groups *g, const struct leaks_view *view)
{
    struct json j = { stdout, false };
    size_t shown = 0;
    print_json_heads(g);
    for (size_t i = 0; i < g->n && shown < view->most; i++) {
        if (g->at[i].mappings < view->growth)
            continue;
        shown++;
        j.comma = false;
        json_open(&j, NULL, '{');
        json_text(&j, "type", "group");
        json_text(&j, "by", view->by);
        group_json(&j, &g->at[i], g);
        json_close(&j, '}');
        putchar('\n');
    }
    group_json_notes(&j, g);
}

static void print_folded(const struct groups *g, const struct leaks_view *view)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->at[i].mappings >= view->growth)
            group_fold(&g->at[i], g->at[i].mappings);
    group_complain_notes(g);
}

/* Whether two are the same record: a process and its file may both be named. */
static bool is_among(const struct live *l, const struct live *lives, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lives[i].record->device == l->record->device &&
            lives[i].record->inode == l->record->inode)
            return true;
    return false;
}

/* Opens what can be opened, and complains of the rest. Returns how many there are. *failed: one
 * that the user has named by itself is missing. */
static size_t open_all(const struct leaks_asked *asked, const struct leaks_view *view,
                       struct live **lives, bool *failed)
{
    struct texts operands = { 0 };
    size_t n = 0;
    leaks_operands(asked, &operands);
    *lives = enough(calloc(operands.n + 1, sizeof **lives));
    for (size_t i = 0; i < operands.n; i++) {
        struct live *l = &(*lives)[n];
        if (leaks_open(l, operands.at[i], view) != DONE)
            *failed |= i < (size_t)asked->n;
        else if (is_among(l, *lives, n))
            live_close(l);
        else
            n++;
    }
    texts_free(&operands);
    return n;
}

static int show(const struct leaks_asked *asked, const struct leaks_view *view, uint64_t older_ms)
{
    struct live *lives;
    bool failed = false;
    size_t n = open_all(asked, view, &lives, &failed);
    if (n) {
        struct groups g;
        groups_make(&g, lives, n, view->grouping, older_ms);
        (view->json ? print_json : view->folded ? print_folded : print_groups)(&g, view);
        hints_give(&g, older_ms != 0,
                   view->json     ? HINTS_JSON
                   : view->folded ? HINTS_COMPLAINTS
                                  : HINTS_TEXT);
        groups_free(&g);
    }
    for (size_t i = 0; i < n; i++)
        live_close(&lives[i]);
    free(lives);
    return failed || !n ? FAILED : DONE;
}

/* What is wrong with the combination, if anything: a complaint then. */
static int check_asked(const struct leaks_asked *asked, int actions, bool list, bool chosen)
{
    if (actions > 1)
        return misused(&verb_leaks, "--list, --start and --stop: one at a time");
    if (list && chosen)
        return misused(&verb_leaks, "--list has folders; it takes no --children or --cgroup");
    if (!list && !chosen && !asked->n)
        return misused(&verb_leaks, "no process is named, and no record");
    return DONE;
}

static int leaks(int argc, char **argv)
{
    bool list = false, start = false, stop = false;
    const char *older = "0", *children = NULL, *cgroup = NULL;
    struct leaks_view view = { .by = "stack", .top = "10", .least = "1" };
    const struct flag flags[] = {
        { "by", NULL, &view.by },
        { "older", NULL, &older },
        { "top", NULL, &view.top },
        { "min-growth", NULL, &view.least },
        { "debug-dir", NULL, &view.debug_dir },
        { "children", NULL, &children },
        { "cgroup", NULL, &cgroup },
        { "all-frames", &view.all_frames, NULL },
        { "json", &view.json, NULL },
        { "folded", &view.folded, NULL },
        { "list", &list, NULL },
        { "start", &start, NULL },
        { "stop", &stop, NULL },
        { NULL, NULL, NULL },
    };
    struct leaks_asked asked = { .n = verb_args(&verb_leaks, flags, argc, argv), .operands = argv };
    int result = leaks_view_read(&verb_leaks, &view);
    if (result != DONE)
        return result;
    uint64_t older_ms = verb_span(&verb_leaks, "--older", older);
    result = check_asked(&asked, list + start + stop, list, children || cgroup);
    if (result != DONE)
        return result;
    if (list)
        return leaks_list(asked.n, argv, view.json);
    if ((children && !chosen_children(&asked.chosen, children)) ||
        (cgroup && !chosen_cgroup(&asked.chosen, cgroup)))
        result = FAILED;
    else
        result = start || stop ? leaks_switch(&asked, start) : show(&asked, &view, older_ms);
    chosen_free(&asked.chosen);
    return result;
}

const struct verb verb_leaks = {
    .name = "leaks",
    .synopsis = "[--by WHAT] [--older TIME] [--top N] [--json|--folded] PROCESSES\n"
                "mapherd leaks --start|--stop PROCESSES\n"
                "mapherd leaks --list [--json] [DIR...]",
    .summary = "show what programs have mapped and not unmapped, and the code that mapped it",
    .help =
        "Needs MAPHERD_LEAKS=on in the program, or --start. PROCESSES are process ids, or records: of\n"
        "processes that run, or that have ended or were killed. Several are summed up. A mapping is\n"
        "what one call has mapped; a map is the kernel's. Mappings that are there much longer than\n"
        "others of their stack were survive; stacks with most survivors come first.\n\n"
        "  --children PID    PID and all its descendants\n"
        "  --cgroup PATH     the processes of a cgroup, as /proc/PID/cgroup names it, or of its folder\n"
        "  --by WHAT         put together by stack, file, suffix, deleted or age (stack)\n"
        "  --older TIME      only what is there that long: 90, 15m, 2h, 7d\n"
        "  --top N           how many groups are shown (10)\n"
        "  --min-growth N    only groups of at least so many mappings: so many more than when the\n"
        "                    recording began\n"
        "  --all-frames      show an interpreter's own frames too\n"
        "  --debug-dir DIR   where separate debug files are, besides the usual places\n"
        "  --json            a JSON object a line: the records, then the groups\n"
        "  --folded          outer;inner COUNT, for flamegraph.pl and speedscope; all groups\n"
        "  --start, --stop   begin and end the recording in running processes\n"
        "  --list [DIR...]   the records there are (in $MAPHERD_DIR and /dev/shm), those of processes\n"
        "                    that run first, the newest first; --json too\n",
    .run = leaks,
};
