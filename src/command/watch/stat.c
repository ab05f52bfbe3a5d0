/*
 * mapherd stat: one process in numbers, and what the library in it has done.
 */
#define _GNU_SOURCE
#include <string.h>

#include "command/lib/enough.h"
#include "command/watch/cold.h"
#include "command/watch/target.h"
#include "tell/status.h"

struct range {
    uintptr_t start, end;
};

/* What the list of maps tells. */
struct seen {
    bool preloaded;
    char *library;        /* its file */
    uintptr_t base;       /* its first page */
    long of_library;      /* maps of its file */
    struct range *ranges; /* every map: which of them are the library's own is known later */
    size_t n, room;
};

static void take_map(const struct procmap *m, void *context)
{
    struct seen *s = context;
    s->ranges = enough_room(s->ranges, s->n, &s->room, sizeof *s->ranges);
    s->ranges[s->n++] = (struct range){ m->start, m->end };
    if (!peek_is_library(m))
        return;
    if (m->offset == 0 && !s->preloaded) {
        s->preloaded = true;
        s->base = m->start;
        s->library = strdup(m->path);
    }
    s->of_library++;
}

/* Maps of the library's own memory: guard, canary and pool. */
static long of_memory(const struct seen *s, const struct mapherd_status *b)
{
    long n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->ranges[i].start >= b->own_start && s->ranges[i].end <= b->own_end;
    return n;
}

static const char *state_word(const struct mapherd_status *b)
{
    static const char *const words[] = { "starting", "herding", "observing", "passive" };
    return b->state < sizeof words / sizeof *words ? words[b->state] : "unknown";
}

static const char *reason_text(const struct mapherd_status *b)
{
    static const char *const texts[] = {
        "",
        "MAPHERD_ONLY or MAPHERD_SKIP leaves this program out",
        "the kernel gave no memory at start",
        "the program put itself under seccomp",
        "the program is exiting",
        "it was forked in the middle of a change of the library",
        "the library has found a mistake of its own, which its log names",
    };
    return b->reason < sizeof texts / sizeof *texts ? texts[b->reason] : "unknown reason";
}

/* The upper bounds of sync_within, but for the last. */
static const char *const sync_bounds[] = { "0.1 ms", "1 ms", "10 ms", "100 ms", "1 s", "10 s" };
#define SYNC_BOUNDS (sizeof sync_bounds / sizeof *sync_bounds)

/* How long msyncs took: one line, of the times that were. */
static void print_syncs(const struct mapherd_status *b)
{
    if (!b->syncs)
        return;
    printf("msync took");
    for (size_t i = 0; i < MAPHERD_SYNC_BUCKETS; i++)
        if (b->sync_within[i])
            printf("  %s%s: %s", i < SYNC_BOUNDS ? "up to " : "longer than ",
                   sync_bounds[i < SYNC_BOUNDS ? i : SYNC_BOUNDS - 1],
                   grouped((long long)b->sync_within[i]));
    putchar('\n');
}

/* One line, where mappings are cold or were. */
static void print_cold(const struct cold_use *use)
{
    char text[256];
    if (!cold_shows(use))
        return;
    cold_text(use, text, sizeof text);
    printf("cold       since the process began: %s; %s%s\n", text,
           cold_thrashes(use) ? "it thrashes: " : "", cold_fit(use));
}

static void print_block(const struct seen *s, const struct mapherd_status *b)
{
    long memory = of_memory(s, b), masters = (long)b->masters;
    printf("library    %s%s%s\n", state_word(b), b->reason ? ": " : "", reason_text(b));
    printf("own maps   %s: %ld of its file, %ld of its memory, %ld master map%s\n",
           grouped(s->of_library + memory + masters), s->of_library, memory, masters,
           plural(masters));
    for (size_t i = 0; i < status_count; i++)
        if (status_value(b, &status_rows[i]) >= 0)
            printf("  %-60s %15s\n", status_rows[i].what,
                   grouped(status_value(b, &status_rows[i])));
    print_syncs(b);
}

static void json_block(struct json *j, const struct seen *s, const struct mapherd_status *b,
                       const struct cold_use *use)
{
    json_text(j, "state", state_word(b));
    json_text(j, "reason", reason_text(b));
    for (size_t i = 0; i < status_count; i++)
        json_number(j, status_rows[i].name, status_value(b, &status_rows[i]));
    cold_json(use, j);
    json_open(j, "sync_within", '{');
    for (size_t i = 0; i < MAPHERD_SYNC_BUCKETS; i++)
        json_number(j, i < SYNC_BOUNDS ? sync_bounds[i] : "longer", (long long)b->sync_within[i]);
    json_close(j, '}');
    json_open(j, "own_maps", '{');
    json_number(j, "library", s->of_library);
    json_number(j, "memory", of_memory(s, b));
    json_number(j, "masters", (long long)b->masters);
    json_close(j, '}');
}

static void print_all(const struct target *t, const struct seen *s, const char *unread,
                      const struct mapherd_status *b)
{
    struct cold_use use = cold_between(NULL, b, process_age(process_started(t->pid)));
    printf("process    %d ", (int)t->pid);
    print_text(stdout, t->name);
    printf("\nmaps       ");
    target_print_count(t);
    if (!s->preloaded) {
        puts("library    not in it");
        return;
    }
    printf("preloaded  ");
    print_text(stdout, s->library);
    putchar('\n');
    if (unread) {
        printf("library    its numbers are not known: %s\n", unread);
    } else {
        print_block(s, b);
        print_cold(&use);
    }
}

static void print_json(const struct target *t, const struct seen *s, const char *unread,
                       const struct mapherd_status *b)
{
    struct cold_use use = cold_between(NULL, b, process_age(process_started(t->pid)));
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    target_json(t, &j);
    json_bool(&j, "preloaded", s->preloaded);
    if (s->preloaded) {
        json_open(&j, "library", '{');
        json_text(&j, "path", s->library);
        if (unread)
            json_text(&j, "unread", unread);
        else
            json_block(&j, s, b, &use);
        json_close(&j, '}');
    }
    json_close(&j, '}');
    putchar('\n');
}

static int stat_process(int argc, char **argv)
{
    bool json = false;
    const struct flag flags[] = { { "json", &json, NULL }, { NULL, NULL, NULL } };
    struct target t;
    struct seen seen = { 0 };
    struct mapherd_status block = { 0 };
    const char *unread = NULL;
    int operands = verb_args(&verb_stat, flags, argc, argv);
    int found = target_find(&verb_stat, operands, argv, &t);
    if (found == DONE)
        found = target_read(&t, take_map, &seen);
    if (found != DONE)
        return found;
    if (seen.preloaded)
        unread = peek_status(t.pid, seen.base, &block);
    (json ? print_json : print_all)(&t, &seen, unread, &block);
    return DONE;
}

const struct verb verb_stat = {
    .name = "stat",
    .synopsis = "[--json] PID",
    .summary = "show a process's map count and what the library does in it",
    .help =
        "Works on any process, with the library in it or without. The pressure is calm below half\n"
        "of vm.max_map_count, raised below 80 %, high below 98 %, then full.\n\n"
        "  --json  one JSON object\n",
    .run = stat_process,
};
