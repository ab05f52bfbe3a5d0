/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * grouptext: see grouptext.h.
 */
#define _GNU_SOURCE
#include "command/leaks/grouptext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"
#include "command/watch/target.h"

/* ---- what was looked at ---- */

static struct target count_of(const struct live *l)
{
    const struct mapherd_status *s = &l->record->head.status;
    return (struct target){ .maps = l->joined ? (long)l->map_count : (long)s->bound,
                            .limit = l->limit };
}

static void print_name(const struct live *l)
{
    print_text(stdout, l->record->head.program);
    printf("[%d]", (int)l->record->head.pid);
}

static void print_process(const struct live *l)
{
    struct target t = count_of(l);
    print_name(l);
    printf(" on ");
    print_text(stdout, l->record->head.host);
    printf(", %s", live_state_text(l->state));
    if (t.maps >= 0) {
        printf(l->joined ? ": " : "; last seen with at most ");
        target_print_count(&t);
    } else {
        puts("; its maps were never counted");
    }
}

/* What the record of a process has not. several: other processes are named too. */
static void print_missing(const struct live *l, bool several)
{
    const struct mapherd_record_head *h = &l->record->head;
    const struct {
        bool is;
        long long n;
        const char *one, *more;
    } missing[] = {
        { l->joined && l->unrecorded, l->unrecorded,
          "map is of no recorded mapping: older than the recording, or made past the library",
          "maps are of no recorded mapping: older than the recording, or made past the library" },
        { h->lost != 0, (long long)h->lost, "mapping could not be recorded",
          "mappings could not be recorded" },
        { l->record->dropped != 0, (long long)l->record->dropped,
          "piece of the record made no sense", "pieces of the record made no sense" },
    };
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        if (!missing[i].is)
            continue;
        if (several) {
            print_name(l);
            printf(": ");
        }
        printf("%s %s.\n", grouped(missing[i].n),
               missing[i].n == 1 ? missing[i].one : missing[i].more);
    }
}

void group_print_head(const struct groups *g)
{
    const struct live *first = g->lives;
    bool recording = true;
    for (size_t i = 0; i < g->live_count; i++) {
        print_process(&g->lives[i]);
        recording &= g->lives[i].record->head.leaks != 0;
        if (g->lives[i].record->head.leaks_ms < first->record->head.leaks_ms)
            first = &g->lives[i];
    }
    uint64_t since = first->record->head.leaks_ms;
    if (g->live_count > 1)
        printf("%s processes together: mappings ", grouped((long long)g->live_count));
    else
        printf("Mappings ");
    printf("are recorded since %s, %s: %s %s there, %s", units_moment(since),
           units_between(since, first->now_ms), grouped((long long)g->all.mappings),
           g->all.mappings == 1 ? "is" : "are", units_bytes(g->all.bytes));
    if (g->all.deleted)
        printf(", %s of deleted files", grouped((long long)g->all.deleted));
    puts(recording ? "." : "; the recording was stopped.");
    for (size_t i = 0; i < g->live_count; i++)
        print_missing(&g->lives[i], g->live_count > 1);
    if (g->use_known && g->by != GROUP_AGE && g->all.mappings)
        puts(
            "First come those with most survivors: mappings that are there much longer than others "
            "of their stack were.");
}

void group_json_sum(struct json *j, const struct groups *g)
{
    json_number(j, "mappings", (long long)g->all.mappings);
    json_number(j, "bytes", (long long)g->all.bytes);
    json_if_known(j, "deleted_mappings", g->deleted_known, (long long)g->all.deleted);
    json_if_known(j, "survivors", g->use_known, (long long)g->all.survivors);
    json_number(j, "group_count", (long long)g->n);
}

void group_json_head(struct json *j, const struct groups *g, size_t i)
{
    const struct live *l = &g->lives[i];
    const struct mapherd_record_head *h = &l->record->head;
    struct target t = count_of(l);
    json_text(j, "program", h->program);
    json_number(j, "pid", h->pid);
    json_text(j, "host", h->host);
    json_text(j, "state", live_state_text(l->state));
    json_number(j, "time_ms", (long long)l->now_ms);
    json_if_known(j, "maps", t.maps >= 0, t.maps);
    json_if_known(j, "limit", t.limit > 0, t.limit);
    json_bool(j, "recording", h->leaks != 0);
    json_number(j, "recording_since_ms", (long long)h->leaks_ms);
    if (g->live_count == 1)
        group_json_sum(j, g);
    else
        json_number(j, "mappings", (long long)g->all.of[i]);
    json_if_known(j, "unrecorded", l->joined, l->unrecorded);
    json_number(j, "lost", (long long)h->lost);
}

/* ---- a group ---- */

static void print_survivors(const struct group *g)
{
    printf("      ");
    if (g->survivors == g->mappings)
        printf("all survive; ");
    else
        printf("%s survive%s; ", g->survivors ? grouped((long long)g->survivors) : "none",
               g->survivors <= 1 ? "s" : "");
    printf("%s made", grouped((long long)g->made));
    if (!g->unmapped)
        puts(", none of them unmapped");
    else if (g->lived_ms / g->unmapped < 1000)
        printf(", %s unmapped after less than a second on average\n",
               grouped((long long)g->unmapped));
    else
        printf(", %s unmapped after %s on average\n", grouped((long long)g->unmapped),
               units_span(g->lived_ms / g->unmapped));
}

void group_print_numbers(const struct group *g, const struct groups *of)
{
    printf("%s mapping%s", grouped((long long)g->mappings), plural((long)g->mappings));
    if (of->joined)
        printf(", %s map%s", grouped((long long)g->maps), plural((long)g->maps));
    const char *youngest = units_span(g->youngest_age), *oldest = units_span(g->oldest_age);
    printf(", %s, %s%s%s old\n", units_bytes(g->bytes), youngest,
           strcmp(youngest, oldest) == 0 ? "" : " to ",
           strcmp(youngest, oldest) == 0 ? "" : oldest);
    if (of->use_known && of->by == GROUP_STACK && g->stack)
        print_survivors(g);
}

/* Processes with most mappings of a group first. */
struct part {
    size_t mappings, process;
};

static int by_mappings(const void *left, const void *right)
{
    const struct part *a = left, *b = right;
    if (a->mappings != b->mappings)
        return a->mappings < b->mappings ? 1 : -1;
    return (a->process > b->process) - (a->process < b->process);
}

/* "in 4 of 5 processes: 300 of worker[101], 300 of worker[102]" */
static void print_processes(const struct group *g, const struct groups *of)
{
    enum { SHOWN = 8 };
    struct part *parts = enough(calloc(of->live_count, sizeof *parts));
    size_t n = 0;
    for (size_t i = 0; i < of->live_count; i++)
        if (g->of[i])
            parts[n++] = (struct part){ g->of[i], i };
    qsort(parts, n, sizeof *parts, by_mappings);
    printf("      in %s of %s processes: ", grouped((long long)n),
           grouped((long long)of->live_count));
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        printf("%s%s of ", i ? ", " : "", grouped((long long)parts[i].mappings));
        print_name(&of->lives[parts[i].process]);
    }
    if (n > SHOWN)
        printf(", and others");
    putchar('\n');
    free(parts);
}

/* "3 files: /a.dvd, /b.dvd, /c.dvd"; nothing where the group's name has said it. */
static void print_files(const struct group *g, enum group_by by)
{
    if (g->files == 0 && (by == GROUP_SUFFIX || by == GROUP_DELETED))
        return;
    printf("      ");
    if (g->files > 1)
        printf("%s files: ", grouped((long long)g->files));
    for (size_t i = 0; i < g->most_count; i++) {
        if (i)
            printf(", ");
        print_text(stdout, live_file(g->most[i].live, g->most[i].file));
    }
    puts(g->files > g->most_count ? ", ..." : "");
}

void group_print_origin(const struct group *g, const struct groups *of)
{
    if (of->by != GROUP_STACK && of->by != GROUP_FILE) {
        printf("      ");
        print_text(stdout, g->name);
        putchar('\n');
    }
    if (of->live_count > 1)
        print_processes(g, of);
    print_files(g, of->by);
    if (of->by != GROUP_STACK)
        return;
    size_t n;
    const struct symbol **at = symbols_stack(g->live->symbols, g->stack, &n);
    if (!at)
        puts("          (no stack was recorded)");
    for (size_t i = 0; i < n; i++) {
        printf("          ");
        print_text(stdout, at[i]->text);
        putchar('\n');
    }
    free(at);
}

static void json_frame(struct json *j, const struct symbol *one)
{
    json_open(j, NULL, '{');
    json_text(j, "name", one->name);
    if (*one->source)
        json_text(j, "source", one->source);
    if (one->line)
        json_number(j, "line", one->line);
    if (*one->module)
        json_text(j, "module", one->module);
    if (one->folded)
        json_number(j, "folded", (long long)one->folded);
    else if (!one->java)
        json_number(j, "address", (long long)one->address);
    json_close(j, '}');
}

static void json_stack(struct json *j, const struct group *g)
{
    size_t n;
    const struct symbol **at = symbols_stack(g->live->symbols, g->stack, &n);
    json_open(j, "stack", '[');
    for (size_t i = 0; i < n; i++)
        json_frame(j, at[i]);
    json_close(j, ']');
    free(at);
}

static void json_processes(struct json *j, const struct group *g, const struct groups *of)
{
    json_open(j, "processes", '[');
    for (size_t i = 0; i < of->live_count; i++) {
        if (!g->of[i])
            continue;
        json_open(j, NULL, '{');
        json_text(j, "program", of->lives[i].record->head.program);
        json_number(j, "pid", of->lives[i].record->head.pid);
        json_number(j, "mappings", (long long)g->of[i]);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_survivors(struct json *j, const struct group *g, const struct groups *of)
{
    bool of_stack = of->use_known && of->by == GROUP_STACK && g->stack;
    json_if_known(j, "survivors", of->use_known, (long long)g->survivors);
    if (of->by != GROUP_STACK)
        return;
    json_if_known(j, "made", of_stack, (long long)g->made);
    json_if_known(j, "unmapped", of_stack, (long long)g->unmapped);
    json_if_known(j, "lived_ms", of_stack && g->unmapped,
                  g->unmapped ? (long long)(g->lived_ms / g->unmapped) : 0);
}

void group_json(struct json *j, const struct group *g, const struct groups *of)
{
    json_text(j, "name", g->name);
    json_number(j, "mappings", (long long)g->mappings);
    json_number(j, "pieces", (long long)g->pieces);
    if (of->joined)
        json_number(j, "maps", (long long)g->maps);
    json_number(j, "bytes", (long long)g->bytes);
    json_number(j, "oldest_ms", (long long)g->oldest_ms);
    json_number(j, "newest_ms", (long long)g->newest_ms);
    if (of->deleted_known)
        json_number(j, "deleted_mappings", (long long)g->deleted);
    json_survivors(j, g, of);
    json_number(j, "file_count", (long long)g->files);
    json_open(j, "files", '[');
    for (size_t i = 0; i < g->most_count; i++) {
        json_open(j, NULL, '{');
        json_text(j, "path", live_file(g->most[i].live, g->most[i].file));
        json_number(j, "mappings", (long long)g->most[i].mappings);
        json_close(j, '}');
    }
    json_close(j, ']');
    if (of->live_count > 1)
        json_processes(j, g, of);
    if (of->by == GROUP_STACK)
        json_stack(j, g);
}

/* ';' parts frames. */
static void fold_name(const char *name)
{
    for (; *name; name++)
        putchar(*name == ';' ? ':' : (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

void group_fold(const struct group *g, size_t count)
{
    size_t n;
    const struct symbol **at = symbols_stack(g->live->symbols, g->stack, &n);
    for (size_t i = n; i-- > 0;) {
        fold_name(at[i]->name);
        if (i)
            putchar(';');
    }
    printf("%s %zu\n", n ? "" : "(no stack)", count);
    free(at);
}

/* ---- what could not be named ---- */

/* Each note once, though several processes have it. */
static struct keys notes_of(const struct groups *g)
{
    struct keys notes = { 0 };
    for (size_t i = 0; i < g->live_count; i++) {
        size_t n;
        const char *const *of_one = symbols_notes(g->lives[i].symbols, &n);
        for (size_t k = 0; k < n; k++)
            keys_number(&notes, of_one[k]);
    }
    return notes;
}

void group_print_notes(const struct groups *g)
{
    struct keys notes = notes_of(g);
    if (notes.texts.n)
        putchar('\n');
    for (size_t i = 0; i < notes.texts.n; i++) {
        printf("note: ");
        print_text(stdout, notes.texts.at[i]);
        putchar('\n');
    }
    keys_free(&notes);
}

void group_json_notes(struct json *j, const struct groups *g)
{
    struct keys notes = notes_of(g);
    for (size_t i = 0; i < notes.texts.n; i++) {
        j->comma = false;
        json_open(j, NULL, '{');
        json_text(j, "type", "note");
        json_text(j, "text", notes.texts.at[i]);
        json_close(j, '}');
        putc('\n', j->out);
    }
    keys_free(&notes);
}

void group_complain_notes(const struct groups *g)
{
    struct keys notes = notes_of(g);
    for (size_t i = 0; i < notes.texts.n; i++)
        complain("%s", notes.texts.at[i]);
    keys_free(&notes);
}
