/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd stat: one process in numbers, and what the library in it has done.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"
#include "command/watch/cold.h"
#include "command/watch/given.h"
#include "command/watch/target.h"
#include "space/pressure.h"
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
        "it is a Go program without libc, and its system calls cannot be redirected",
    };
    return b->reason < sizeof texts / sizeof *texts ? texts[b->reason] : "unknown reason";
}

/* The level at which the library acts. */
static const char *level_word(const struct mapherd_status *b)
{
    return b->pressure <= PRESSURE_FULL ? pressure_name((enum pressure)b->pressure) : "unknown";
}

/* The upper bounds of sync_within, but for the last. */
static const struct {
    const char *text;
    long us;
} sync_bounds[] = {
    { "0.1 ms", 100 },    { "1 ms", 1000 },   { "10 ms", 10000 },
    { "100 ms", 100000 }, { "1 s", 1000000 }, { "10 s", 10000000 },
};
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
                   sync_bounds[i < SYNC_BOUNDS ? i : SYNC_BOUNDS - 1].text,
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
    printf("cold       %s; %s%s\n", text, cold_thrashes(use) ? "it thrashes: " : "", cold_fit(use));
}

/* The numbers of a part under its heading, but for those that are 0. Returns how many there are. */
static int print_part(const struct mapherd_status *b, enum status_part part, const char *heading)
{
    int n = 0;
    for (size_t i = 0; i < status_count; i++) {
        const struct status_row *row = &status_rows[i];
        int64_t value = status_value(b, row);
        if (row->part != part || value <= 0)
            continue;
        if (!n++)
            puts(heading);
        printf("  %-66s %15s\n", row->what, grouped(value));
    }
    return n;
}

/*
 * The count above is the kernel's. The library counts calls between two scans, and does not see
 * those of libc itself or of other libraries. Where that makes a difference to what it does, it is
 * said.
 */
static void print_own_count(const struct target *t, const struct mapherd_status *b)
{
    if (b->bound >= 0 && t->limit > 0 &&
        (labs((long)b->bound - t->maps) > t->limit / 50 ||
         strcmp(level_word(b), target_pressure(t)) != 0))
        printf("it counts  %s maps, pressure %s, until it scans the list of maps again\n",
               grouped(b->bound), level_word(b));
}

/* The options that were set, and what the library does. */
static void print_library(const struct mapherd_status *b, const struct given *given)
{
    bool limited = b->state == MAPHERD_HERDING && given->are.mode == MODE_LIMIT;
    printf("library    %s%s%s%s\n", state_word(b), limited ? ", for the limit only" : "",
           b->reason ? ": " : "", reason_text(b));
    if (!given->known || !given->texts.n)
        return;
    printf("options   ");
    for (size_t i = 0; i < given->texts.n; i++) {
        putchar(' ');
        print_text(stdout, given->texts.at[i]);
    }
    putchar('\n');
}

static void print_block(const struct target *t, const struct seen *s,
                        const struct mapherd_status *b, const struct cold_use *use)
{
    struct given given = given_to(t->pid, s->base);
    long memory = of_memory(s, b), masters = (long)b->masters;
    print_library(b, &given);
    texts_free(&given.texts);
    print_own_count(t, b);
    if (print_part(b, STATUS_RISK, "data at risk or lost") +
            print_part(b, STATUS_TROUBLE, "failed, refused or slow") ==
        0)
        puts("trouble    none since the process began");
    print_cold(use);
    printf("own maps   %s: %ld of its file, %ld of its memory, %ld master map%s\n",
           grouped(s->of_library + memory + masters), s->of_library, memory, masters,
           plural(masters));
    print_part(b, STATUS_NOW, "now");
    print_part(b, STATUS_DONE, "since the process began");
    print_syncs(b);
}

/* The options that were set; null where the environment may not be read. */
static void json_options(struct json *j, const struct given *given)
{
    if (!given->known) {
        json_if_known(j, "options", false, 0);
        return;
    }
    json_open(j, "options", '[');
    for (size_t i = 0; i < given->texts.n; i++)
        json_text(j, NULL, given->texts.at[i]);
    json_close(j, ']');
}

static void json_block(struct json *j, const struct target *t, const struct seen *s,
                       const struct mapherd_status *b, const struct cold_use *use)
{
    struct given given = given_to(t->pid, s->base);
    json_text(j, "state", state_word(b));
    json_text(j, "reason", reason_text(b));
    json_text(j, "version", b->package);
    json_options(j, &given);
    texts_free(&given.texts);
    for (size_t i = 0; i < status_count; i++) {
        int64_t value = status_value(b, &status_rows[i]);
        if (strcmp(status_rows[i].name, "pressure") == 0)
            json_text(j, "pressure", level_word(b));
        else
            json_if_known(j, status_rows[i].name, value >= 0, value);
    }
    cold_json(use, j);
    json_open(j, "sync_within", '[');
    for (size_t i = 0; i < MAPHERD_SYNC_BUCKETS; i++) {
        json_open(j, NULL, '{');
        json_if_known(j, "at_most_us", i < SYNC_BOUNDS, i < SYNC_BOUNDS ? sync_bounds[i].us : 0);
        json_number(j, "syncs", (long long)b->sync_within[i]);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open(j, "own_maps", '{');
    json_number(j, "file_maps", s->of_library);
    json_number(j, "memory_maps", of_memory(s, b));
    json_number(j, "masters", (long long)b->masters);
    json_close(j, '}');
}

static void print_all(const struct target *t, const struct seen *s, const char *unread,
                      const struct mapherd_status *b, const struct cold_use *use)
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
    if (b->package[0]) {
        printf(", version ");
        print_text(stdout, b->package);
    }
    putchar('\n');
    if (unread) {
        printf("library    its numbers are not known: %s\n", unread);
    } else {
        print_block(t, s, b, use);
    }
}

static void print_json(const struct target *t, const struct seen *s, const char *unread,
                       const struct mapherd_status *b, const struct cold_use *use)
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
            json_block(&j, t, s, b, use);
        json_close(&j, '}');
    }
    json_close(&j, '}');
    putchar('\n');
}

/* How it does with cold mappings at the moment: what the average since its start would not tell.
 * Takes a fifth of a second where mappings are cold, and no time elsewhere. */
static struct cold_use watch_cold(const struct target *t, const struct seen *s,
                                  struct mapherd_status *b)
{
    struct mapherd_status before = *b, after;
    uint64_t from = units_now(CLOCK_MONOTONIC);
    if (!b->cold && !b->warmed)
        return cold_between(NULL, b, process_age(process_started(t->pid)));
    nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
    if (!peek_status(t->pid, s->base, &after))
        *b = after;
    return cold_between(&before, b, units_now(CLOCK_MONOTONIC) - from);
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
    struct cold_use use = { 0 };
    if (seen.preloaded && !unread)
        use = watch_cold(&t, &seen, &block);
    (json ? print_json : print_all)(&t, &seen, unread, &block, &use);
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
