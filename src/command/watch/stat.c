/*
 * mapherd stat: one process in numbers, and what the library in it has done.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "command/watch/peek.h"
#include "command/watch/target.h"

struct range {
    uintptr_t start, end;
};

/* What the list of maps tells. */
struct seen {
    bool preloaded;
    char *library;   /* its file */
    uintptr_t base;  /* its first page */
    long of_library; /* maps of its file */
    struct range *ranges; /* every map: which of them are the library's own is known later */
    size_t n, room;
};

static void take_map(const struct procmap *m, void *context)
{
    struct seen *s = context;
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 1024;
        s->ranges = reallocarray(s->ranges, s->room, sizeof *s->ranges);
        if (!s->ranges) {
            complain("out of memory");
            exit(FAILED);
        }
    }
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
        "", "MAPHERD_ONLY or MAPHERD_SKIP leaves this program out",
        "the kernel gave no memory at start", "the program put itself under seccomp",
        "the program is exiting",
    };
    return b->reason < sizeof texts / sizeof *texts ? texts[b->reason] : "unknown reason";
}

/* The block's counters: what JSON calls them and what a person reads. */
static const struct counter {
    const char *key, *text;
    size_t at;
} counters[] = {
    { "calls", "calls that could change the maps", offsetof(struct mapherd_status, calls) },
    { "placed", "file maps put into a window", offsetof(struct mapherd_status, placed) },
    { "compared", "file maps that the kernel merged when it compared them again",
      offsetof(struct mapherd_status, compared) },
    { "joined", "file maps made from a master map", offsetof(struct mapherd_status, joined) },
    { "elsewhere", "file maps whose place was taken", offsetof(struct mapherd_status, elsewhere) },
    { "filled", "file maps made where others were held", offsetof(struct mapherd_status, filled) },
    { "guards", "guard markers in place of splits", offsetof(struct mapherd_status, guards) },
    { "held_bytes", "bytes mapped that the program has unmapped",
      offsetof(struct mapherd_status, held_bytes) },
    { "held_tables", "  and bytes of page tables for them, at most",
      offsetof(struct mapherd_status, held_tables) },
    { "held_back", "unmappings honoured without their split",
      offsetof(struct mapherd_status, held_back) },
    { "swallowed", "hints dropped for want of their split",
      offsetof(struct mapherd_status, swallowed) },
    { "enomem", "calls that failed at the map limit", offsetof(struct mapherd_status, enomem) },
    { "faults", "SIGBUS of mapped files", offsetof(struct mapherd_status, faults) },
    { "spilled", "pages put into the spill file", offsetof(struct mapherd_status, spilled) },
    { "returned", "pages written back from it", offsetof(struct mapherd_status, returned) },
    { "converted", "faults answered with zeros", offsetof(struct mapherd_status, converted) },
    { "preallocated", "bytes of holes allocated", offsetof(struct mapherd_status, preallocated) },
    { "allocated_ahead", "  and may be unused now", offsetof(struct mapherd_status, allocated_ahead) },
    { "no_space", "maps whose holes found no space", offsetof(struct mapherd_status, no_space) },
    { "unseen", "calls passed through unseen", offsetof(struct mapherd_status, unseen) },
    { "forgotten", "ranges forgotten for want of memory",
      offsetof(struct mapherd_status, forgotten) },
    { "readings", "readings of /proc/self/maps", offsetof(struct mapherd_status, readings) },
    { "regions", "ranges known now", offsetof(struct mapherd_status, regions) },
    { "files", "files known now", offsetof(struct mapherd_status, files) },
    { "windows", "windows now", offsetof(struct mapherd_status, windows) },
    { "syncs", "msyncs that asked the kernel", offsetof(struct mapherd_status, syncs) },
    { "syncs_widened", "  and took their neighbours along",
      offsetof(struct mapherd_status, syncs_widened) },
    { "syncs_skipped", "msyncs skipped, nothing having changed",
      offsetof(struct mapherd_status, syncs_skipped) },
    { "syncs_failed", "msyncs that failed", offsetof(struct mapherd_status, syncs_failed) },
    { "syncs_slow", "slow msyncs (MAPHERD_SYNC_SLOW)",
      offsetof(struct mapherd_status, syncs_slow) },
    { "sync_us", "microseconds spent in msync", offsetof(struct mapherd_status, sync_us) },
    { "lines_lost", "log lines that had no place", offsetof(struct mapherd_status, lines_lost) },
};
#define COUNTERS (sizeof counters / sizeof *counters)

static long long counter_value(const struct mapherd_status *b, const struct counter *c)
{
    return (long long)*(const uint64_t *)((const char *)b + c->at);
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

static void print_block(const struct seen *s, const struct mapherd_status *b)
{
    long memory = of_memory(s, b), masters = (long)b->masters;
    printf("library    %s%s%s\n", state_word(b), b->reason ? ": " : "", reason_text(b));
    if (b->bound >= 0)
        printf("counted    at most %s by the library\n", grouped(b->bound));
    printf("own maps   %s: %ld of its file, %ld of its memory, %ld master map%s\n",
           grouped(s->of_library + memory + masters), s->of_library, memory, masters,
           plural(masters));
    for (size_t i = 0; i < COUNTERS; i++)
        printf("  %-44s %12s\n", counters[i].text, grouped(counter_value(b, &counters[i])));
    print_syncs(b);
}

static void json_block(struct json *j, const struct seen *s, const struct mapherd_status *b)
{
    json_text(j, "state", state_word(b));
    json_text(j, "reason", reason_text(b));
    json_number(j, "bound", b->bound);
    json_number(j, "exact", b->exact);
    for (size_t i = 0; i < COUNTERS; i++)
        json_number(j, counters[i].key, counter_value(b, &counters[i]));
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
    if (unread)
        printf("library    its numbers are not known: %s\n", unread);
    else
        print_block(s, b);
}

static void print_json(const struct target *t, const struct seen *s, const char *unread,
                       const struct mapherd_status *b)
{
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
            json_block(&j, s, b);
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
