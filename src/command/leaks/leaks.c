/*
 * mapherd leaks: what a program has mapped and not unmapped, and who mapped it.
 */
#define _GNU_SOURCE
#include "command/leaks/leaks.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command/leaks/group_text.h"
#include "command/lib/units.h"

static bool read_number(const char *text, unsigned long *n)
{
    char *end;
    errno = 0;
    *n = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end && !errno;
}

int leaks_view_read(const struct verb *v, struct leaks_view *view)
{
    enum group_by by;
    if (!group_by_word(view->by, &by))
        return misused(v, "--by '%s' is none of stack, file, suffix, deleted, age", view->by);
    if (!read_number(view->top, &view->most))
        return misused(v, "--top '%s' is not a number of groups: 0 or more", view->top);
    if (!read_number(view->least, &view->growth))
        return misused(v, "--min-growth '%s' is not a number of mappings: 0 or more", view->least);
    if (view->folded && view->json)
        return misused(v, "--json and --folded are two answers; ask for one");
    if (view->folded && by != GROUP_STACK)
        return misused(v, "--folded has stacks; --by %s has none", view->by);
    view->grouping = by;
    return DONE;
}

int leaks_open(struct live *l, const char *operand, const char *debug_dir)
{
    const char *why;
    pid_t pid;
    if (!live_open(l, operand, debug_dir, &why)) {
        if (live_is_pid(operand, &pid))
            leaks_explain_none(pid, why);
        else
            complain("%s: %s", operand, why);
        return FAILED;
    }
    if (l->record->head.leaks_ms)
        return DONE;
    if (l->state == LIVE_RUNNING)
        complain("no mapping of %s[%d] is recorded; 'mapherd leaks --start %s' begins with it, "
                 "MAPHERD_LEAKS=on from the start", l->record->head.program, (int)l->record->head.pid,
                 operand);
    else
        complain("no mapping of %s[%d] was recorded; MAPHERD_LEAKS=on does that",
                 l->record->head.program, (int)l->record->head.pid);
    live_close(l);
    return FAILED;
}

static void print_groups(const struct live *l, const struct groups *g, const struct leaks_view *view)
{
    size_t shown = 0, rest = 0;
    group_print_head(l, g);
    for (size_t i = 0; i < g->n; i++) {
        const struct group *one = &g->at[i];
        if (one->mappings < view->growth || shown == view->most) {
            rest += one->mappings;
            continue;
        }
        printf("\n%3zu. %5.1f %%  ", ++shown, 100.0 * (double)one->mappings / (double)g->all.mappings);
        group_print_numbers(one, l);
        group_print_origin(one, l, (enum group_by)view->grouping);
    }
    if (g->n > shown)
        printf("\nand %s mapping%s in %s other group%s\n", grouped((long long)rest), plural((long)rest),
               grouped((long long)(g->n - shown)), plural((long)(g->n - shown)));
    group_print_notes(l);
}

static void print_json(const struct live *l, const struct groups *g, const struct leaks_view *view)
{
    struct json j = { stdout, false };
    size_t shown = 0;
    json_open(&j, NULL, '{');
    json_text(&j, "type", "record");
    group_json_head(&j, l, g);
    json_close(&j, '}');
    putchar('\n');
    for (size_t i = 0; i < g->n && shown < view->most; i++) {
        if (g->at[i].mappings < view->growth)
            continue;
        shown++;
        j.comma = false;
        json_open(&j, NULL, '{');
        json_text(&j, "type", "group");
        json_text(&j, "by", view->by);
        group_json(&j, &g->at[i], l, (enum group_by)view->grouping);
        json_close(&j, '}');
        putchar('\n');
    }
    group_json_notes(&j, l);
}

static void print_folded(const struct live *l, const struct groups *g, const struct leaks_view *view)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->at[i].mappings >= view->growth)
            group_fold(&g->at[i], l, g->at[i].mappings);
    group_complain_notes(l);
}

static int show(const char *operand, const struct leaks_view *view, uint64_t older_ms)
{
    struct live l;
    struct groups g;
    int opened = leaks_open(&l, operand, view->debug_dir);
    if (opened != DONE)
        return opened;
    groups_make(&g, &l, (enum group_by)view->grouping, older_ms);
    (view->json ? print_json : view->folded ? print_folded : print_groups)(&l, &g, view);
    groups_free(&g);
    live_close(&l);
    return DONE;
}

static int leaks(int argc, char **argv)
{
    bool list = false, start = false, stop = false;
    const char *older = "0";
    struct leaks_view view = { .by = "stack", .top = "10", .least = "1" };
    const struct flag flags[] = {
        { "by", NULL, &view.by }, { "older", NULL, &older }, { "top", NULL, &view.top },
        { "min-growth", NULL, &view.least }, { "debug-dir", NULL, &view.debug_dir },
        { "json", &view.json, NULL }, { "folded", &view.folded, NULL }, { "list", &list, NULL },
        { "start", &start, NULL }, { "stop", &stop, NULL }, { NULL, NULL, NULL },
    };
    uint64_t older_ms;
    int operands = verb_args(&verb_leaks, flags, argc, argv);
    int read = leaks_view_read(&verb_leaks, &view);
    if (read != DONE)
        return read;
    if (!units_read_span(older, &older_ms))
        return misused(&verb_leaks, "--older '%s' is not a time: a number of seconds, or with s, m, h or d",
                       older);
    if (list + start + stop > 1)
        return misused(&verb_leaks, "--list, --start and --stop: one at a time");
    if (list)
        return leaks_list(operands, argv, view.json);
    if (operands != 1)
        return misused(&verb_leaks, operands ? "one process or record at a time"
                                             : "no process is named, and no record");
    return start || stop ? leaks_switch(argv[0], start) : show(argv[0], &view, older_ms);
}

const struct verb verb_leaks = {
    .name = "leaks",
    .synopsis = "[--by WHAT] [--older TIME] [--top N] [--json|--folded] PID|FILE\n"
                "mapherd leaks --start|--stop PID|FILE\n"
                "mapherd leaks --list [--json] [DIR...]",
    .summary = "show what a program has mapped and not unmapped, and who mapped it",
    .help =
        "Needs MAPHERD_LEAKS=on in the program, or --start. FILE is a record: of a process that runs,\n"
        "or that has ended or was killed. A mapping is what one call has mapped; a map is the kernel's.\n\n"
        "  --by WHAT         put together by stack, file, suffix, deleted or age (stack)\n"
        "  --older TIME      only what is there that long: 90, 15m, 2h, 7d\n"
        "  --top N           how many groups are shown (10)\n"
        "  --min-growth N    only groups of at least so many mappings: so many more than when the\n"
        "                    recording began\n"
        "  --debug-dir DIR   where separate debug files are, besides the usual places\n"
        "  --json            a JSON object a line: the record, then the groups\n"
        "  --folded          outer;inner COUNT, for flamegraph.pl and speedscope; all groups\n"
        "  --start, --stop   begin and end the recording in a running process\n"
        "  --list [DIR...]   the records there are (in $MAPHERD_DIR and /dev/shm); --json too\n",
    .run = leaks,
};
