/*
 * mapherd leaks: what a program has mapped and not unmapped, and who mapped it.
 */
#define _GNU_SOURCE
#include "command/leaks/leaks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/print.h"
#include "command/watch/target.h"

/* ---- --list ---- */

static void print_row(const char *path, const struct record *r, enum live_state state)
{
    const struct mapherd_record_head *h = &r->head;
    uint64_t last = h->ended_ms ? h->ended_ms : h->touched_ms;
    char age[40];
    snprintf(age, sizeof age, "%s", units_between(last, r->taken_ms));
    print_text(stdout, h->program);
    printf("[%d]: %s, ", (int)h->pid, live_state_text(state));
    if (state == LIVE_RUNNING)
        printf("recorded since %s, ", units_moment(h->since_ms));
    else
        printf("last seen %s ago, ", age);
    if (h->leaks_ms)
        printf("%s pieces mapped, ", grouped((long long)r->piece_count));
    else
        printf("no mappings, ");
    printf("%s: ", units_bytes(r->size));
    print_text(stdout, path);
    putchar('\n');
}

static void print_json_row(const char *path, const struct record *r, enum live_state state,
                           pid_t pid)
{
    const struct mapherd_record_head *h = &r->head;
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    json_text(&j, "path", path);
    json_text(&j, "program", h->program);
    json_number(&j, "pid", pid ? pid : h->pid);
    json_text(&j, "host", h->host);
    json_text(&j, "state", live_state_text(state));
    json_number(&j, "since_ms", (long long)h->since_ms);
    json_number(&j, "last_ms", (long long)(h->ended_ms ? h->ended_ms : h->touched_ms));
    json_number(&j, "bytes", (long long)r->size);
    json_number(&j, "pieces", (long long)r->piece_count);
    json_close(&j, '}');
    putchar('\n');
}

static void list_one(const char *path, const struct record *r, void *context)
{
    pid_t pid;
    enum live_state state = live_state_of(r, &pid);
    if (*(bool *)context)
        print_json_row(path, r, state, pid);
    else
        print_row(path, r, state);
}

static int leaks_list(int folders, char **paths, bool json)
{
    int result = DONE;
    if (!folders)
        records_each_usual(list_one, &json);
    for (int i = 0; i < folders; i++)
        if (!records_each(paths[i], list_one, &json))
            result = FAILED;
    return result;
}

/* ---- --start and --stop ---- */

struct library {
    bool there;
    uint64_t base;
};

static void look_for_library(const struct procmap *m, void *context)
{
    struct library *l = context;
    if (peek_is_library(m) && m->offset == 0 && !l->there)
        *l = (struct library){ true, m->start };
}

/* Whether the environment that the process began with says so, in either way. */
static bool began_with(pid_t pid, const char *variable, const char *option)
{
    char path[64], *entry = NULL;
    size_t room = 0;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && !found && getdelim(&entry, &room, '\0', f) > 0)
        found = strcmp(entry, variable) == 0 ||
                (strncmp(entry, "MAPHERD_OPTIONS=", 16) == 0 && strstr(entry + 16, option));
    free(entry);
    if (f)
        fclose(f);
    return found;
}

/* The newest record of a process that is gone. */
struct left {
    int pid;
    uint64_t since_ms;
    char path[4096];
};

static void look_for_record(const char *path, const struct record *r, void *context)
{
    struct left *l = context;
    if (r->head.pid != l->pid || r->head.since_ms < l->since_ms)
        return;
    l->since_ms = r->head.since_ms;
    snprintf(l->path, sizeof l->path, "%s", path);
}

static void explain_gone(int pid)
{
    struct left left = { .pid = pid };
    records_each_usual(look_for_record, &left);
    if (left.path[0])
        complain("there is no process %d; the record that one of this id has left is %s", pid,
                 left.path);
    else
        complain("there is no process %d; records of those that have ended: 'mapherd leaks --list'",
                 pid);
}

/* Complains that a process has no record, and says why and what to do. otherwise: the reason to
 * tell if no other is found. */
static void explain_none(int pid, const char *otherwise)
{
    struct target t = { .pid = pid };
    struct library library = { false, 0 };
    struct mapherd_status status;
    if (!target_name(&t)) {
        explain_gone(pid);
        return;
    }
    if (target_read(&t, look_for_library, &library) != DONE)
        return;
    if (!library.there)
        complain(
            "the library is not in process %d (%s), so nothing of it is recorded; start it with "
            "'mapherd run', or with LD_PRELOAD",
            pid, t.name);
    else if (began_with(pid, "MAPHERD_DIR=off", "dir=off"))
        complain("process %d (%s) keeps no record: it was started with MAPHERD_DIR=off", pid,
                 t.name);
    else if (!peek_status(pid, library.base, &status) && status.state == MAPHERD_PASSIVE)
        complain(
            "the library in process %d (%s) is passive and keeps no record; 'mapherd stat %d' says why",
            pid, t.name, pid);
    else if (strstr(otherwise, "keeps no record") &&
             began_with(pid, "MAPHERD_LEAKS=on", "leaks=on"))
        complain(
            "process %d (%s) keeps no record, though it began with MAPHERD_LEAKS=on: the file could not "
            "be made, and its log says why; MAPHERD_DIR names another folder",
            pid, t.name);
    else if (strstr(otherwise, "keeps no record"))
        complain("process %d (%s) keeps no record yet: it begins with the 64th mapping call or the "
                 "first warning, with MAPHERD_LEAKS=on at once",
                 pid, t.name);
    else
        complain("%s", otherwise);
}

/* Whether somebody reads what is written into that file; else a complaint. */
static bool is_listened_to(const char *path)
{
    const char *why;
    pid_t pid = 0;
    struct record *r = record_read(path, &why);
    if (!r) {
        complain("%s: %s", path, why);
        return false;
    }
    enum live_state state = live_state_of(r, &pid);
    bool own = pid && record_match(r, pid) == RECORD_SAME;
    record_free(r);
    if (pid && !own)
        complain("%s: it is a copy; the record itself is that of process %d", path, (int)pid);
    else if (!pid)
        complain("%s: its process is not there to be told: %s", path, live_state_text(state));
    return own;
}

static int leaks_switch(const char *operand, bool on)
{
    char path[RECORD_PATH];
    struct mapherd_record_head head;
    pid_t pid;
    bool is_pid = live_is_pid(operand, &pid);
    if (!is_pid && !is_listened_to(operand))
        return FAILED;
    int fd = is_pid ? record_open_of(pid, O_RDWR, path) : record_open(operand, O_RDWR | O_NOFOLLOW);
    if (fd < 0 && is_pid) {
        explain_none(pid, record_problem());
        return FAILED;
    }
    if (fd < 0 || !record_want(fd, on ? MAPHERD_WANTED_START : MAPHERD_WANTED_STOP, &head)) {
        complain("%s: %s", operand, record_problem());
        return FAILED;
    }
    head.program[sizeof head.program - 1] = '\0';
    print_text(stdout, head.program);
    if ((head.leaks != 0) == on)
        printf("[%d]: its mappings are %s.\n", (int)head.pid,
               on ? "recorded already" : "not recorded as it is");
    else
        printf("[%d] is told to %s; it does so with its next call that maps or unmaps.\n",
               (int)head.pid, on ? "record its mappings" : "stop recording");
    return DONE;
}

/* ---- what is mapped ---- */

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

int leaks_open(struct live *l, const char *operand, const char *debug_dir)
{
    const char *why;
    pid_t pid;
    if (!live_open(l, operand, debug_dir, &why)) {
        if (live_is_pid(operand, &pid))
            explain_none(pid, why);
        else
            complain("%s: %s", operand, why);
        return FAILED;
    }
    if (l->record->head.leaks_ms)
        return DONE;
    if (l->state == LIVE_RUNNING)
        complain("no mapping of %s[%d] is recorded; 'mapherd leaks --start %s' begins with it, "
                 "MAPHERD_LEAKS=on from the start",
                 l->record->head.program, (int)l->record->head.pid, operand);
    else
        complain("no mapping of %s[%d] was recorded; MAPHERD_LEAKS=on does that",
                 l->record->head.program, (int)l->record->head.pid);
    live_close(l);
    return FAILED;
}

static void print_groups(const struct live *l, const struct groups *g,
                         const struct leaks_view *view)
{
    size_t shown = 0, rest = 0;
    group_print_head(l, g);
    for (size_t i = 0; i < g->n; i++) {
        const struct group *one = &g->at[i];
        if (one->mappings < view->growth || shown == view->most) {
            rest += one->mappings;
            continue;
        }
        printf("\n%3zu. %5.1f %%  ", ++shown,
               100.0 * (double)one->mappings / (double)g->all.mappings);
        group_print_numbers(one, l);
        group_print_origin(one, l, view->grouping);
    }
    if (g->n > shown)
        printf("\nand %s mapping%s in %s other group%s\n", grouped((long long)rest),
               plural((long)rest), grouped((long long)(g->n - shown)),
               plural((long)(g->n - shown)));
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
        group_json(&j, &g->at[i], l, view->grouping);
        json_close(&j, '}');
        putchar('\n');
    }
    group_json_notes(&j, l);
}

static void print_folded(const struct live *l, const struct groups *g,
                         const struct leaks_view *view)
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
    groups_make(&g, &l, view->grouping, older_ms);
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
        { "by", NULL, &view.by },
        { "older", NULL, &older },
        { "top", NULL, &view.top },
        { "min-growth", NULL, &view.least },
        { "debug-dir", NULL, &view.debug_dir },
        { "json", &view.json, NULL },
        { "folded", &view.folded, NULL },
        { "list", &list, NULL },
        { "start", &start, NULL },
        { "stop", &stop, NULL },
        { NULL, NULL, NULL },
    };
    int operands = verb_args(&verb_leaks, flags, argc, argv);
    int read = leaks_view_read(&verb_leaks, &view);
    if (read != DONE)
        return read;
    uint64_t older_ms = verb_span(&verb_leaks, "--older", older);
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
