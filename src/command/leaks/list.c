/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd leaks --list: the records there are.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "command/leaks/leaks.h"
#include "command/lib/enough.h"
#include "command/lib/print.h"

/* What the list says of a record. */
struct row {
    char *path;
    struct mapherd_record_head head;
    enum live_state state;
    pid_t pid; /* as seen from here; 0: it does not run here */
    uint64_t taken_ms, last_ms, size;
    size_t pieces;
};

struct rows {
    struct row *at;
    size_t n, room;
};

static void take(const char *path, const struct record *r, void *context)
{
    struct rows *rows = context;
    rows->at = enough_room(rows->at, rows->n, &rows->room, sizeof *rows->at);
    struct row *row = &rows->at[rows->n++];
    *row = (struct row){
        .path = enough_text("%s", path),
        .head = r->head,
        .taken_ms = r->taken_ms,
        .last_ms = r->head.ended_ms ? r->head.ended_ms : r->head.touched_ms,
        .size = r->size,
        .pieces = r->piece_count,
    };
    row->state = live_state_of(r, &row->pid);
}

static bool runs(const struct row *r)
{
    return r->state == LIVE_RUNNING;
}

/* Those that run first; then the newest: that began, or was seen, last. */
static int by_age(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (runs(a) != runs(b))
        return runs(a) ? -1 : 1;
    uint64_t of_a = runs(a) ? a->head.since_ms : a->last_ms,
             of_b = runs(b) ? b->head.since_ms : b->last_ms;
    if (of_a != of_b)
        return of_a < of_b ? 1 : -1;
    return strcmp(a->path, b->path);
}

static void print_row(const struct row *r)
{
    const struct mapherd_record_head *h = &r->head;
    printf("  ");
    print_text(stdout, h->program);
    printf("[%d]: %s, ", (int)h->pid, live_state_text(r->state));
    if (runs(r))
        printf("recorded since %s, ", units_moment(h->since_ms));
    else
        printf("last seen %s ago, ", units_between(r->last_ms, r->taken_ms));
    if (h->leaks_ms)
        printf("%s pieces mapped, ", grouped((long long)r->pieces));
    else
        printf("no mappings, ");
    printf("%s: ", units_bytes(r->size));
    print_text(stdout, r->path);
    putchar('\n');
}

/* The rows from `from` to `behind` - 1 under a title that has their number and size. */
static void print_part(const struct rows *rows, size_t from, size_t behind, const char *title)
{
    uint64_t size = 0;
    if (from == behind)
        return;
    for (size_t i = from; i < behind; i++)
        size += rows->at[i].size;
    printf("%s%s: %s record%s, %s\n", from ? "\n" : "", title, grouped((long long)(behind - from)),
           plural((long)(behind - from)), units_bytes(size));
    for (size_t i = from; i < behind; i++)
        print_row(&rows->at[i]);
}

static void print_list(const struct rows *rows, size_t running)
{
    uint64_t size = 0;
    for (size_t i = 0; i < rows->n; i++)
        size += rows->at[i].size;
    if (!rows->n) {
        puts("There are no records.");
        return;
    }
    print_part(rows, 0, running, "of processes that run");
    print_part(rows, running, rows->n, "of processes that are gone");
    printf("\ntogether: %s record%s, %s\n", grouped((long long)rows->n), plural((long)rows->n),
           units_bytes(size));
}

static void json_row(const struct row *r)
{
    const struct mapherd_record_head *h = &r->head;
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    json_text(&j, "path", r->path);
    json_text(&j, "program", h->program);
    json_number(&j, "pid", r->pid ? r->pid : h->pid);
    json_text(&j, "host", h->host);
    json_text(&j, "state", live_state_text(r->state));
    json_number(&j, "since_ms", (long long)h->since_ms);
    json_number(&j, "last_ms", (long long)r->last_ms);
    json_number(&j, "bytes", (long long)r->size);
    json_number(&j, "pieces", (long long)r->pieces);
    json_close(&j, '}');
    putchar('\n');
}

int leaks_list(int folders, char **paths, bool json)
{
    struct rows rows = { 0 };
    size_t running = 0;
    int result = DONE;
    if (!folders)
        records_each_usual(take, &rows);
    for (int i = 0; i < folders; i++)
        if (!records_each(paths[i], take, &rows))
            result = FAILED;
    if (rows.n)
        qsort(rows.at, rows.n, sizeof *rows.at, by_age);
    while (running < rows.n && runs(&rows.at[running]))
        running++;
    if (!json)
        print_list(&rows, running);
    for (size_t i = 0; i < rows.n; i++) {
        if (json)
            json_row(&rows.at[i]);
        free(rows.at[i].path);
    }
    free(rows.at);
    return result;
}
