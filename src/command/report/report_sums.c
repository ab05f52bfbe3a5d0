/*
 * report_sums: the kernel's maps by file, by kind of file and by (deleted), where no mappings are
 * recorded; of a process that is gone, those that held most at the last reading.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"
#include "command/watch/pieces.h"
#include "command/report/report.h"

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
    for (size_t i = 0; i < n && i < REPORT_GROUPS; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", sums[i].name);
        json_number(j, "v", sums[i].maps);
        json_number(j, "b", (long long)sums[i].bytes);
        json_number(j, "f", sums[i].files);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void report_sums(const struct report *r, struct json *j)
{
    const struct record *record = r->live.record;
    size_t n = 0, most = r->map_count + (record ? record->top_count : 0) + 1;
    struct sum *sums = enough(calloc(most, sizeof *sums));
    char (*kinds)[PIECES_KIND] = enough(calloc(most, sizeof *kinds));
    for (size_t i = 0; i < r->map_count; i++) {
        const struct live_map *m = &r->maps[i];
        bool file = m->inode != 0 || m->path[0] == '/';
        sums[n++] = (struct sum){ file ? m->path : "anonymous memory", 1, 0, m->end - m->start };
    }
    for (size_t i = 0; n == i && record && i < record->top_count; i++) {
        const struct mapherd_record_top *top = &record->top[i];
        bool file = top->path[0] == '/';
        sums[n++] = (struct sum){ file ? top->path : "anonymous memory", (long)top->maps, 0, top->bytes };
    }
    bool partly = r->map_count == 0; /* the first ones tell nothing of kinds */
    n = add_up(sums, n);
    for (size_t i = 0; i < n; i++)
        sums[i].files = strcmp(sums[i].name, "anonymous memory") != 0;
    tell_sums("files", sums, n, j);
    json_number(j, "moreFiles", n > REPORT_GROUPS ? (long long)n - REPORT_GROUPS : 0);

    struct sum by_end[3] = { { "of deleted files", 0, 0, 0 }, { "of files that are there", 0, 0, 0 },
                             { "anonymous memory", 0, 0, 0 } };
    for (size_t i = 0; i < n; i++) {
        struct sum *end = &by_end[!sums[i].files ? 2 : pieces_deleted(sums[i].name) ? 0 : 1];
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
    tell_sums("deleted", by_end, partly ? 0 : 3, j);
    json_bool(j, "partly", partly);
    free(kinds);
    free(sums);
}
