/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * report_data: the data of the page's pictures and tables, as JSON.
 */
#define _GNU_SOURCE
#include "command/report/report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/report/space.h"
#include "command/watch/pieces.h"

enum { GROUPS_MOST = 300 }; /* of a list */

/* ---- where no mappings are recorded ---- */

struct sum {
    const char *name;
    long maps, files;
    uint64_t bytes;
};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct sum *)left)->name, ((const struct sum *)right)->name);
}

static int by_maps(const void *left, const void *right)
{
    const struct sum *a = left, *b = right;
    return a->maps != b->maps ? (a->maps < b->maps ? 1 : -1) : by_name(a, b);
}

/* The sort of memory that has this name in the list; MEMORY_FILE if none has. */
static enum memory_kind memory_named(const char *name)
{
    enum memory_kind m = MEMORY_PRIVATE;
    while (m < MEMORIES && strcmp(name, memory_name(m, false)) != 0)
        m++;
    return m < MEMORIES ? m : MEMORY_FILE;
}

/* Puts equal names together; returns how many there are, most maps first. */
static size_t add_up(struct sum *sums, size_t n)
{
    size_t kept = 0;
    qsort(sums, n, sizeof *sums, by_name);
    for (size_t i = 0; i < n; i++) {
        if (kept && strcmp(sums[kept - 1].name, sums[i].name) == 0) {
            sums[kept - 1].maps += sums[i].maps;
            sums[kept - 1].files += sums[i].files;
            sums[kept - 1].bytes += sums[i].bytes;
        } else {
            sums[kept++] = sums[i];
        }
    }
    qsort(sums, kept, sizeof *sums, by_maps);
    return kept;
}

static void tell_sums(const char *key, const struct sum *sums, size_t n, struct json *j)
{
    json_open(j, key, '[');
    for (size_t i = 0; i < n && i < GROUPS_MOST; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", sums[i].name);
        json_number(j, "v", sums[i].maps);
        json_number(j, "b", (long long)sums[i].bytes);
        json_number(j, "f", sums[i].files);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void tell_unrecorded(const struct report *r, struct json *j)
{
    const struct record *record = r->live.record;
    size_t n = 0, most = r->map_count + (record ? record->top_count : 0) + 1;
    struct sum *sums = enough(calloc(most, sizeof *sums));
    char(*kinds)[PIECES_KIND] = enough(calloc(most, sizeof *kinds));
    for (size_t i = 0; i < r->map_count; i++) {
        const struct live_map *m = &r->maps[i];
        sums[n++] = (struct sum){ pieces_name(m->path, m->inode), 1, 0, m->end - m->start };
    }
    for (size_t i = 0; n == i && record && i < record->top_count; i++) {
        const struct mapherd_record_top *top = &record->top[i];
        sums[n++] = (struct sum){ top->path, (long)top->maps, 0, top->bytes };
    }
    bool partly = r->map_count == 0; /* the first ones tell nothing of kinds */
    n = add_up(sums, n);
    for (size_t i = 0; i < n; i++)
        sums[i].files = memory_named(sums[i].name) == MEMORY_FILE;
    tell_sums("files", sums, n, j);
    json_number(j, "moreFiles", n > GROUPS_MOST ? (long long)n - GROUPS_MOST : 0);

    /* Deleted files, those that are there, and memory without a file. */
    struct sum by_end[2 + MEMORIES] = { { "of deleted files", 0, 0, 0 },
                                        { "of files that are there", 0, 0, 0 } };
    for (enum memory_kind m = MEMORY_PRIVATE; m < MEMORIES; m++)
        by_end[2 + m].name = memory_name(m, false);
    for (size_t i = 0; i < n; i++) {
        struct sum *end = &by_end[!sums[i].files                 ? 2 + memory_named(sums[i].name)
                                  : pieces_deleted(sums[i].name) ? 0
                                                                 : 1];
        end->maps += sums[i].maps;
        end->files += sums[i].files;
        end->bytes += sums[i].bytes;
        if (sums[i].files) {
            pieces_kind(sums[i].name, pieces_deleted(sums[i].name), kinds[i], sizeof kinds[i]);
            sums[i].name = kinds[i];
        }
    }
    n = add_up(sums, n);
    tell_sums("suffixes", sums, partly ? 0 : n, j);
    size_t ends = 0;
    for (size_t i = 0; i < sizeof by_end / sizeof *by_end; i++)
        if (i < 2 || by_end[i].maps)
            by_end[ends++] = by_end[i];
    tell_sums("deleted", by_end, partly ? 0 : ends, j);
    json_bool(j, "partly", partly);
    free(kinds);
    free(sums);
}

/* ---- the address space ---- */

/* [page, pages to its end, name, files, [holder, maps, pages, ...], [borders by reason...]] */
static void tell_run(const struct space_run *run, uint64_t page, size_t name, struct json *j)
{
    json_open(j, NULL, '[');
    json_number(j, NULL, (long long)(run->start / page));
    json_number(j, NULL, (long long)((run->end - run->start) / page));
    json_number(j, NULL, (long long)name);
    json_number(j, NULL, run->files);
    json_open(j, NULL, '[');
    for (size_t i = 0; i < SPACE_HOLDERS; i++)
        if (run->shares[i].maps) {
            json_number(j, NULL, (long long)i);
            json_number(j, NULL, run->shares[i].maps);
            json_number(j, NULL, (long long)(run->shares[i].bytes / page));
        }
    json_close(j, ']');
    json_open(j, NULL, '[');
    for (int b = 0; b < BORDERS; b++)
        json_number(j, NULL, run->borders[b]);
    json_close(j, ']');
    json_close(j, ']');
}

static void tell_lead(const struct report *r, struct json *j)
{
    const struct space *s = r->space;
    const char *unit = r->of_pieces ? "recorded mapping" : "map";
    long n = (long)r->map_count, saved = n - s->in_order, between = s->borders[BORDER_FILE];
    char text[400];
    int len =
        snprintf(text, sizeof text,
                 "%s%s %s%s. Of the borders between neighbours %s %s between different files, "
                 "which never share a map.",
                 r->of_pieces ? "The process is gone: drawn are its " : "", grouped(n), unit,
                 plural(n), grouped(between), between == 1 ? "is" : "are");
    if (saved > 0)
        snprintf(text + len, sizeof text - (size_t)len,
                 " %s %s%s could go if the parts of each file lay in order.", grouped(saved), unit,
                 plural(saved));
    json_text(j, "lead", text);
}

static void tell_space(const struct report *r, struct json *j)
{
    const struct space *s = r->space;
    uint64_t page = r->live.record ? r->live.record->head.page_size : 4096;
    struct keys names = { 0 };
    json_open(j, "space", '{');
    json_text(j, "unit", r->of_pieces ? "mapping" : "map");
    tell_lead(r, j);
    json_open(j, "holders", '[');
    for (size_t i = 0; i < s->holder_count; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", s->holders[i].name);
        json_number(j, "maps", s->holders[i].maps);
        json_bool(j, "plain", s->holders[i].anonymous);
        json_bool(j, "rest", s->holders[i].others);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open(j, "reasons", '[');
    for (int b = 0; b < BORDERS; b++)
        json_number(j, NULL, s->borders[b]);
    json_close(j, ']');
    json_open(j, "runs", '[');
    for (size_t i = 0; i < s->run_count; i++)
        tell_run(&s->runs[i], page, keys_number(&names, s->runs[i].name), j);
    json_close(j, ']');
    json_open(j, "names", '[');
    for (size_t i = 0; i < names.texts.n; i++)
        json_text(j, NULL, names.texts.at[i]);
    json_close(j, ']');
    json_close(j, '}');
    keys_free(&names);
}

/* ---- stacks ---- */

enum { STACKS = 3000 };

static const char *kind_of_code(const struct symbol *s)
{
    if (s->java)
        return "java";
    if (!s->module[0])
        return "none";
    return strstr(base_name(s->module), ".so") ? "lib" : "own";
}

/* [function, where, module, kind] for each of the functions that stacks share. f has the numbers of
 * their symbols, by their place in memory. */
static void tell_frames(const struct numbers *f, struct json *j)
{
    json_open(j, "frames", '[');
    for (size_t i = 0; i < f->n; i++) {
        const struct symbol *s = (const void *)(uintptr_t)f->keys[i];
        char *where =
            enough_text("%s%s%.0d", s->source, s->line > 0 ? ":" : "", s->line > 0 ? s->line : 0);
        json_open(j, NULL, '[');
        json_text(j, NULL, s->name);
        json_text(j, NULL, where);
        json_text(j, NULL, s->module);
        json_text(j, NULL, kind_of_code(s));
        json_close(j, ']');
        free(where);
    }
    json_close(j, ']');
}

/* Writes the members that the object of each group has: mappings n, VMAs v, bytes b, files f,
 * deleted d, oldest o, newest y. */
static void tell_group(const struct report *r, const struct group *g, struct json *j)
{
    json_number(j, "n", (long long)g->mappings);
    if (r->live.joined)
        json_number(j, "v", (long long)g->maps);
    json_number(j, "b", (long long)g->bytes);
    json_number(j, "f", (long long)g->files);
    if (r->live.deleted_known)
        json_number(j, "d", (long long)g->deleted);
    json_number(j, "o", (long long)g->oldest_ms);
    json_number(j, "y", (long long)g->newest_ms);
}

static void tell_stack(const struct report *r, const struct group *g, struct numbers *f,
                       struct json *j)
{
    size_t n;
    const struct symbol **at = symbols_stack(r->live.symbols, g->stack, &n);
    const struct symbol *site = at ? report_site(r, g->stack, NULL) : NULL;
    json_open(j, NULL, '{');
    tell_group(r, g, j);
    if (g->most_count)
        json_text(j, "e", live_file(&r->live, g->most[0].file));
    if (site)
        json_number(j, "at", (long long)numbers_of(f, (uintptr_t)site));
    json_open(j, "s", '[');
    for (size_t i = 0; i < n; i++)
        json_number(j, NULL, (long long)numbers_of(f, (uintptr_t)at[i]));
    json_close(j, ']');
    json_close(j, '}');
    free(at);
}

/* How many stacks were left out, and what they hold. */
static void tell_more(const struct groups *g, struct json *j)
{
    long long mappings = 0, bytes = 0;
    for (size_t i = STACKS; i < g->n; i++) {
        mappings += (long long)g->at[i].mappings;
        bytes += (long long)g->at[i].bytes;
    }
    json_open(j, "moreStacks", '{');
    json_number(j, "groups", g->n > STACKS ? (long long)g->n - STACKS : 0);
    json_number(j, "n", mappings);
    json_number(j, "b", bytes);
    json_close(j, '}');
}

static void tell_stacks(const struct report *r, struct json *j)
{
    struct numbers frames = { 0 };
    char text[320];
    const struct record *record = r->live.record;
    json_open(j, "stacks", '[');
    for (size_t i = 0; i < r->stacks.n && i < STACKS; i++)
        tell_stack(r, &r->stacks.at[i], &frames, j);
    json_close(j, ']');
    tell_more(&r->stacks, j);
    tell_frames(&frames, j);
    numbers_free(&frames);

    if (record) {
        size_t len = (size_t)snprintf(
            text, sizeof text, "%s mappings were recorded since %s, and %s are still there.",
            grouped((long long)record->head.mapped), units_moment(record->head.leaks_ms),
            grouped((long long)r->stacks.all.mappings));
        if (r->live.joined && r->live.unrecorded > 0)
            len += (size_t)snprintf(
                text + len, sizeof text - len,
                " %s maps are not in here: made before, or not by the program's calls.",
                grouped(r->live.unrecorded));
        if (record->head.lost)
            snprintf(text + len, sizeof text - len, " %s mappings found no room in the record.",
                     grouped((long long)record->head.lost));
        json_text(j, "stacksLead", text);
    }
    if (!record)
        snprintf(text, sizeof text, "Nothing is recorded: %.280s", r->why);
    else if (!record->head.leaks_ms && r->live.state != LIVE_RUNNING)
        snprintf(text, sizeof text,
                 "Mappings were not recorded with their stacks: MAPHERD_LEAKS was off.");
    else if (!record->head.leaks_ms)
        snprintf(
            text, sizeof text,
            "Mappings are not recorded with their stacks. Start that with: mapherd leaks --start %d",
            (int)r->live.pid);
    else
        snprintf(text, sizeof text, "Nothing is mapped of what was recorded.");
    json_text(j, "noStacks", text);
}

/* ---- all together ---- */

/* The zone of the times: name and seconds east. */
static void zone(const struct report *r, struct json *j)
{
    time_t s = (time_t)(r->made_ms / 1000);
    struct tm local = { 0 };
    char name[64];
    localtime_r(&s, &local);
    long east = local.tm_gmtoff, away = labs(east);
    if (east)
        snprintf(name, sizeof name, "%.32s (UTC%c%02ld:%02ld)",
                 local.tm_zone ? local.tm_zone : "local", east < 0 ? '-' : '+', away / 3600,
                 away / 60 % 60);
    else
        snprintf(name, sizeof name, "UTC");
    json_number(j, "zone", east);
    json_text(j, "zoneName", name);
}

static void history(const struct report *r, struct json *j)
{
    const struct record *record = r->live.record;
    json_open(j, "history", '[');
    for (unsigned level = 0; record && level < record->head.history_levels; level++) {
        for (unsigned i = 0; i < record->head.history_points; i++) {
            const struct mapherd_record_point *p =
                &record->points[(size_t)level * record->head.history_points + i];
            if (!report_point_counts(p, level, record->head.history_points, r->live.now_ms / 1000))
                continue;
            json_open(j, NULL, '[');
            json_number(j, NULL, level);
            json_number(j, NULL, (long long)p->time);
            json_number(j, NULL, p->count);
            json_number(j, NULL, p->most > p->count ? p->most : p->count);
            json_number(j, NULL, p->limit);
            json_close(j, ']');
        }
    }
    json_close(j, ']');
}

const char *report_event_kind(uint32_t kind)
{
    static const char *const names[] = {
        "other", "pressure", "refused", "fault", "spill", "sync", "space", "record",
    };
    return kind < sizeof names / sizeof *names ? names[kind] : names[0];
}

static void events(const struct report *r, struct json *j)
{
    const struct record *record = r->live.record;
    size_t n = record ? record->event_count : 0;
    char lead[96];
    snprintf(lead, sizeof lead, "The last %s of %s event%s", grouped((long long)n),
             grouped(record ? (long long)record->head.events_ever : 0),
             plural(record ? (long)record->head.events_ever : 0));
    json_text(j, "eventsLead", lead);
    json_open(j, "events", '[');
    for (size_t i = 0; i < n; i++) {
        const struct mapherd_record_event *e = &record->events[i];
        json_open(j, NULL, '[');
        json_number(j, NULL, (long long)e->time_ms);
        json_text(j, NULL, report_event_kind(e->kind));
        json_number(j, NULL, e->level);
        json_number(j, NULL, e->thread);
        json_text(j, NULL, e->text);
        json_close(j, ']');
    }
    json_close(j, ']');
}

static void tell_groups(const struct report *r, const char *key, const struct groups *groups,
                        struct json *j)
{
    json_open(j, key, '[');
    for (size_t i = 0; i < groups->n && i < GROUPS_MOST; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", groups->at[i].name);
        tell_group(r, &groups->at[i], j);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static long long more_than_shown(const struct groups *g)
{
    return g->n > GROUPS_MOST ? (long long)g->n - GROUPS_MOST : 0;
}

void report_data(const struct report *r, FILE *out)
{
    struct json j = { out, false };
    json_open(&j, NULL, '{');
    json_number(&j, "now", (long long)r->live.now_ms);
    json_number(&j, "since", r->live.record ? (long long)r->live.record->head.since_ms : 0);
    zone(r, &j);
    json_number(&j, "pageSize",
                r->live.record ? r->live.record->head.page_size : sysconf(_SC_PAGESIZE));
    json_number(&j, "maps", r->count);
    json_number(&j, "limit", r->limit);
    json_number(&j, "live", (long long)r->stacks.all.mappings);
    json_text(&j, "why", r->why);
    history(r, &j);
    events(r, &j);
    tell_stacks(r, &j);
    if (r->stacks.all.mappings) {
        tell_groups(r, "files", &r->files, &j);
        json_number(&j, "moreFiles", more_than_shown(&r->files));
        tell_groups(r, "suffixes", &r->suffixes, &j);
        tell_groups(r, "deleted", &r->deleted, &j);
    } else {
        tell_unrecorded(r, &j);
    }
    tell_space(r, &j);
    json_close(&j, '}');
}
