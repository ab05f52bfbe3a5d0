/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd maps: what holds a process's maps, and what mapherd can make of them.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "command/watch/cure.h"
#include "command/watch/pieces.h"
#include "command/watch/target.h"

/* What is shown. */
struct view {
    struct target target;
    struct mapped_file *files;
    struct kind *kinds;
    size_t n, n_kinds;
    size_t top; /* files shown */
    struct held held;
    long in_order; /* all maps, if each file's lay in order */
    long deleted;  /* maps of files that are deleted */
    struct cure cure;
};

struct scan {
    struct pieces pieces;
    bool preloaded;
};

static void take_map(const struct procmap *m, void *context)
{
    struct scan *r = context;
    pieces_add(&r->pieces, m);
    r->preloaded |= peek_is_library(m);
}

static void print_row(long maps, long in_order, const char *what)
{
    printf("%10s %10s  ", grouped(maps), grouped(in_order));
    print_text(stdout, what);
    putchar('\n');
}

/* The VMAs of memory without a file, one row for each sort. */
static void print_memory(const struct view *v)
{
    for (int of = 0; of < MEMORIES; of++) {
        const struct memory_sum *sum = &v->held.holders.of[of];
        char what[96];
        if (!sum->maps)
            continue;
        snprintf(what, sizeof what, "%s, %s", held_memory(&v->held, (enum memory_kind)of),
                 units_bytes(sum->bytes));
        print_row(sum->maps, sum->maps, what);
    }
}

static void print_files(const struct view *v)
{
    long maps = 0, in_order = 0;
    printf("\n%10s %10s\n", "maps", "in order");
    print_memory(v);
    for (size_t i = 0; i < v->n && i < v->top; i++)
        print_row(v->files[i].maps, v->files[i].in_order, v->files[i].path);
    for (size_t i = v->top; i < v->n; i++) {
        maps += v->files[i].maps;
        in_order += v->files[i].in_order;
    }
    if (maps) {
        char what[64];
        snprintf(what, sizeof what, "in %s more file%s", grouped((long)(v->n - v->top)),
                 plural((long)(v->n - v->top)));
        print_row(maps, in_order, what);
    }
}

static void print_held(const struct view *v)
{
    struct held_row rows[HELD_ROWS];
    size_t n = held_rows(&v->held, rows, HELD_ROWS);
    putchar('\n');
    for (size_t i = 0; i < n; i++) {
        printf("%s of %s are of ", grouped(rows[i].maps), grouped(v->target.maps));
        print_text(stdout, rows[i].what);
        if (rows[i].files > 1)
            printf(", in %s files", grouped(rows[i].files));
        putchar('\n');
    }
    if (v->deleted)
        printf("%s of %s are of deleted files\n", grouped(v->deleted), grouped(v->target.maps));
}

static void print_cure(const struct view *v)
{
    printf("\n%s\n", cure_verdict(&v->cure));
    for (int which = 0; which < CURES; which++) {
        char *by = cure_by(&v->cure, which);
        if (by)
            printf("    %s\n", by);
        free(by);
    }
    puts("Different files never share a map.");
}

static void print_all(const struct view *v)
{
    printf("%d ", (int)v->target.pid);
    print_text(stdout, v->target.name);
    printf(": ");
    target_print_count(&v->target);
    print_files(v);
    print_held(v);
    print_cure(v);
}

static long of_memory(const struct view *v, enum memory_kind memory)
{
    return v->held.holders.of[memory].maps;
}

static void json_files(const struct view *v, struct json *j)
{
    json_open(j, "files", '[');
    for (size_t i = 0; i < v->n && i < v->top; i++) {
        json_open(j, NULL, '{');
        json_text(j, "path", v->files[i].path);
        json_bool(j, "deleted", v->files[i].deleted);
        json_number(j, "maps", v->files[i].maps);
        json_number(j, "in_order", v->files[i].in_order);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open(j, "kinds", '[');
    for (size_t i = 0; i < v->n_kinds; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", v->kinds[i].name);
        json_number(j, "maps", v->kinds[i].maps);
        json_number(j, "file_count", v->kinds[i].files);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_held(const struct view *v, struct json *j)
{
    struct held_row rows[HELD_ROWS];
    size_t n = held_rows(&v->held, rows, HELD_ROWS);
    json_open(j, "holders", '[');
    for (size_t i = 0; i < n; i++)
        held_json(&rows[i], NULL, j);
    json_close(j, ']');
}

static void print_json(const struct view *v)
{
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    target_json(&v->target, &j);
    json_number(&j, "in_order", v->in_order);
    json_number(&j, "anonymous", of_memory(v, MEMORY_PRIVATE) + of_memory(v, MEMORY_GUARDED));
    json_number(&j, "guarded", of_memory(v, MEMORY_GUARDED));
    json_number(&j, "shared_anonymous", of_memory(v, MEMORY_SHARED));
    json_number(&j, "system_v", of_memory(v, MEMORY_SYSV));
    json_number(&j, "huge_pages", of_memory(v, MEMORY_HUGE));
    json_number(&j, "cold_maps", of_memory(v, MEMORY_COLD));
    json_number(&j, "cold_bytes", (long long)v->held.holders.of[MEMORY_COLD].bytes);
    json_number(&j, "deleted_maps", v->deleted);
    json_held(v, &j);
    cure_json(&v->cure, &j);
    json_number(&j, "file_count", (long long)v->n);
    json_files(v, &j);
    json_close(&j, '}');
    putchar('\n');
}

/* Fills v from what was read. */
static void work_out(struct view *v, const struct scan *scan)
{
    struct piece *sorted;
    struct patient patient = { .pid = v->target.pid,
                               .threads = target_threads(&v->target),
                               .limit = v->target.limit,
                               .preloaded = scan->preloaded };
    v->files = pieces_files(&scan->pieces, &v->n, &sorted);
    free(sorted);
    v->kinds = pieces_kinds(v->files, v->n, &v->n_kinds);
    v->held = held_by(&scan->pieces, patient.threads);
    v->cure = cure_of(&scan->pieces, &patient);
    v->in_order = v->target.maps;
    for (size_t i = 0; i < v->n; i++) {
        v->in_order -= v->files[i].maps - v->files[i].in_order;
        v->deleted += v->files[i].deleted ? v->files[i].maps : 0;
    }
}

static int maps(int argc, char **argv)
{
    bool json = false;
    const char *top = "20";
    const struct flag flags[] = {
        { "json", &json, NULL },
        { "top", NULL, &top },
        { NULL, NULL, NULL },
    };
    struct view v = { 0 };
    struct scan scan = { 0 };
    char *end;
    int operands = verb_args(&verb_maps, flags, argc, argv);
    long wanted = strtol(top, &end, 10);
    if (*end || end == top || wanted < 0)
        return misused(&verb_maps, "--top '%s' is not a number of files: 0 or more", top);
    int found = target_find(&verb_maps, operands, argv, &v.target);
    if (found == DONE)
        found = target_read(&v.target, take_map, &scan);
    if (found != DONE)
        return found;
    v.top = (size_t)wanted;
    work_out(&v, &scan);
    (json ? print_json : print_all)(&v);
    return DONE;
}

const struct verb verb_maps = {
    .name = "maps",
    .synopsis = "[--top N] [--json] PID",
    .summary = "show what holds a process's maps, and whether mapherd would make them few",
    .help =
        "Works on any process, with the library in it or without. 'in order' is the least number of\n"
        "maps that a file's maps come to if each part lies behind the part that it continues, equal\n"
        "in protection and sharing; a part that is mapped twice counts twice. Programs and libraries\n"
        "(files with an executable map) stay as they are: their parts have a place. A map of cold\n"
        "mappings (MAPHERD_COLD) stands for any number of them, of any files.\n"
        "What mapherd would make of the maps is foretold from the kernel's list, for a program that\n"
        "has it from the start: it is right to a few maps where the list shows what matters.\n\n"
        "  --top N  how many files are shown (20)\n"
        "  --json   one JSON object; kinds are all listed, files as many as --top says\n",
    .run = maps,
};
