/*
 * holding: who holds a process's maps, in a few rows.
 */
#define _GNU_SOURCE
#include "command/watch/holding.h"

#include <stdio.h>
#include <stdlib.h>

/* Puts a row where it belongs among those that are there. */
static void put(struct holding *rows, size_t *have, size_t n, const char *what, long maps,
                long files)
{
    size_t at = *have < n ? (*have)++ : n;
    for (; at > 0 && rows[at - 1].maps < maps; at--)
        if (at < n)
            rows[at] = rows[at - 1];
    if (at == n)
        return;
    snprintf(rows[at].what, sizeof rows[at].what, "%s", what);
    rows[at].maps = maps;
    rows[at].files = files;
}

size_t holding_most(struct pieces *p, struct holding *rows, size_t n)
{
    size_t have = 0, n_files, n_kinds;
    struct mapped_file *files = pieces_files(p, &n_files);
    struct kind *kinds = pieces_kinds(files, n_files, &n_kinds);
    const struct kind *k = kinds;
    if (p->anonymous)
        put(rows, &have, n, "anonymous memory", p->anonymous, 0);
    long half = (p->anonymous + (long)p->n) / 2;
    if (n_kinds && k->files > 1 && k->maps > half && files[0].maps <= half)
        put(rows, &have, n, k->name[1] ? k->name : "files without a suffix", k->maps, k->files);
    for (size_t i = 0; i < n_files && i < n; i++)
        put(rows, &have, n, files[i].path, files[i].maps, 1);
    free(kinds);
    free(files);
    return have;
}
