/*
 * pieces: sorts a list of maps by file and works out what order would save.
 */
#define _GNU_SOURCE
#include "command/watch/pieces.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/print.h"
#include "limit/cold.h"

enum { ACCESS_EXEC = 4 }; /* a bit of piece.access */

static const char deleted_mark[] = " (deleted)";

/* A file is its device and inode; System V memory has only its name. */
static bool same_file(const struct piece *a, const struct piece *b)
{
    return a->device == b->device && a->inode == b->inode &&
           (a->inode != 0 || strcmp(a->path, b->path) == 0);
}

void pieces_free(struct pieces *p)
{
    texts_free(&p->paths);
    free(p->at);
    *p = (struct pieces){ 0 };
}

void pieces_add(struct pieces *p, const struct procmap *m)
{
    if (m->inode == 0 && m->path[0] != '/') {
        p->anonymous++;
        return;
    }
    if (pieces_cold(m->path)) {
        p->cold++;
        p->cold_bytes += m->end - m->start;
        return;
    }
    p->at = enough_room(p->at, p->n, &p->room, sizeof *p->at);
    struct piece *new = &p->at[p->n];
    *new = (struct piece){
        .device = (uint64_t)m->dev_major << 32 | m->dev_minor,
        .inode = m->inode,
        .from = m->offset,
        .to = m->offset + (m->end - m->start),
        .path = m->path,
        .access = (char)(m->read | m->write << 1 | (m->exec ? ACCESS_EXEC : 0) | m->shared << 3),
    };
    /* Maps of one file lie together as a rule: they share one copy of the path. */
    new->path = p->n &&same_file(new - 1, new) ? new[-1].path : texts_copy(&p->paths, m->path);
    p->n++;
}

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_file(const void *left, const void *right)
{
    const struct piece *a = left, *b = right;
    int o = order(a->device, b->device);
    if (!o)
        o = order(a->inode, b->inode);
    if (!o && !a->inode)
        o = strcmp(a->path, b->path);
    if (!o)
        o = a->access - b->access;
    return o ? o : order(a->from, b->from);
}

/*
 * The least number of maps for n pieces of one file and one access, sorted by from. Each end of a
 * piece can be followed by one beginning at the same offset, so the pieces that can be saved are
 * the pairs of equal numbers in the list of the beginnings and that of the ends.
 */
static long least_maps(const struct piece *p, size_t n, uint64_t *ends)
{
    long least = (long)n;
    for (size_t i = 0; i < n; i++)
        ends[i] = p[i].to;
    qsort(ends, n, sizeof *ends, sorted_order);
    for (size_t begin = 0, end = 0; begin < n && end < n;) {
        if (p[begin].from < ends[end]) {
            begin++;
        } else if (p[begin].from > ends[end]) {
            end++;
        } else {
            least--;
            begin++;
            end++;
        }
    }
    return least;
}

bool pieces_deleted(const char *path)
{
    size_t len = strlen(path), mark = sizeof deleted_mark - 1;
    return len > mark && strcmp(path + len - mark, deleted_mark) == 0 && !pieces_cold(path);
}

bool pieces_cold(const char *path)
{
    return strncmp(path, COLD_PLACEHOLDER, sizeof COLD_PLACEHOLDER - 1) == 0;
}

const char *pieces_name(const char *path)
{
    return pieces_cold(path) ? PIECES_COLD : path;
}

static int by_maps(const void *left, const void *right)
{
    const struct mapped_file *a = left, *b = right;
    return a->maps != b->maps ? (a->maps < b->maps ? 1 : -1) : strcmp(a->path, b->path);
}

struct mapped_file *pieces_files(struct pieces *p, size_t *n)
{
    struct mapped_file *files = enough(calloc(p->n + 1, sizeof *files)), *file = NULL;
    uint64_t *ends = enough(calloc(p->n + 1, sizeof *ends));
    bool image = false;
    *n = 0;
    if (p->n)
        qsort(p->at, p->n, sizeof *p->at, by_file);
    for (size_t i = 0, next; i < p->n; i = next) {
        const struct piece *first = &p->at[i];
        for (next = i + 1;
             next < p->n && same_file(first, &p->at[next]) && first->access == p->at[next].access;
             next++)
            ;
        if (i == 0 || !same_file(first - 1, first)) {
            file = &files[(*n)++];
            image = false;
            file->path = first->path;
            file->deleted = pieces_deleted(first->path);
        }
        file->maps += (long)(next - i);
        file->in_order += least_maps(first, next - i, ends);
        image |= (first->access & ACCESS_EXEC) != 0;
        if (image && (next == p->n || !same_file(first, &p->at[next])))
            file->in_order = file->maps;
    }
    free(ends);
    qsort(files, *n, sizeof *files, by_maps);
    return files;
}

/* "*.so.[0-9]*" for libc.so.6: the last part that is no number is the suffix. */
void pieces_kind(const char *path, bool deleted, char *name, size_t size)
{
    const char *base = base_name(path);
    size_t end = strlen(base) - (deleted && pieces_deleted(base) ? sizeof deleted_mark - 1 : 0);
    size_t dot = end, last = end;
    bool digits = true;
    while (dot > 0 && digits) {
        last = dot;
        while (dot > 0 && base[dot - 1] != '.')
            digits &= isdigit((unsigned char)base[--dot]) != 0;
        if (dot == 0)
            break;
        dot--;
    }
    bool suffix = dot > 0 && !digits && last - dot <= 16;
    snprintf(name, size, "*%.*s%s%s", suffix ? (int)(last - dot) : 0, base + dot,
             last < end ? ".[0-9]*" : "", deleted ? deleted_mark : "");
}

static void name_kind(const struct mapped_file *file, struct kind *kind)
{
    pieces_kind(file->path, file->deleted, kind->name, sizeof kind->name);
    kind->maps = file->maps;
    kind->files = 1;
}

static int by_kind_name(const void *left, const void *right)
{
    return strcmp(((const struct kind *)left)->name, ((const struct kind *)right)->name);
}

static int by_kind_maps(const void *left, const void *right)
{
    const struct kind *a = left, *b = right;
    return a->maps != b->maps ? (a->maps < b->maps ? 1 : -1) : by_kind_name(a, b);
}

struct kind *pieces_kinds(const struct mapped_file *files, size_t n, size_t *kinds)
{
    struct kind *k = enough(calloc(n + 1, sizeof *k));
    *kinds = 0;
    for (size_t i = 0; i < n; i++)
        name_kind(&files[i], &k[i]);
    qsort(k, n, sizeof *k, by_kind_name);
    for (size_t i = 0; i < n; i++) {
        if (*kinds && strcmp(k[*kinds - 1].name, k[i].name) == 0) {
            k[*kinds - 1].maps += k[i].maps;
            k[*kinds - 1].files++;
        } else {
            k[(*kinds)++] = k[i];
        }
    }
    qsort(k, *kinds, sizeof *k, by_kind_maps);
    return k;
}

/* ---- the holders, in a few rows ---- */

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
        put(rows, &have, n, PIECES_ANONYMOUS, p->anonymous, 0);
    if (p->cold)
        put(rows, &have, n, PIECES_COLD, p->cold, 0);
    long half = (p->anonymous + p->cold + (long)p->n) / 2;
    if (n_kinds && k->files > 1 && k->maps > half && files[0].maps <= half)
        put(rows, &have, n, k->name[1] ? k->name : "files without a suffix", k->maps, k->files);
    for (size_t i = 0; i < n_files && i < n; i++)
        put(rows, &have, n, files[i].path, files[i].maps, 1);
    free(kinds);
    free(files);
    return have;
}
