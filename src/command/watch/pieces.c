/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pieces: sorts a list of VMAs by file and works out what order would save.
 */
#define _GNU_SOURCE
#include "command/watch/pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char deleted_mark[] = " (deleted)";

/* ---- one VMA ---- */

void pieces_free(struct pieces *p)
{
    texts_free(&p->paths);
    free(p->at);
    *p = (struct pieces){ 0 };
}

void pieces_add(struct pieces *p, const struct procmap *m)
{
    p->at = enough_room(p->at, p->n, &p->room, sizeof *p->at);
    struct piece *new = &p->at[p->n];
    *new = (struct piece){
        .device = (uint64_t)m->dev_major << 32 | m->dev_minor,
        .inode = m->inode,
        .from = m->offset,
        .to = m->offset + (m->end - m->start),
        .start = m->start,
        .access = (unsigned char)((m->read ? PIECE_READ : 0) | (m->write ? PIECE_WRITE : 0) |
                                  (m->exec ? PIECE_EXEC : 0) | (m->shared ? PIECE_SHARED : 0)),
        .memory = (unsigned char)memory_of(m->path, m->inode),
    };
    /* Neighbours are of one file as a rule: they share one copy of the path. */
    new->path =
        p->n &&strcmp(new[-1].path, m->path) == 0 ? new[-1].path : texts_copy(&p->paths, m->path);
    p->n++;
}

bool pieces_deleted(const char *path)
{
    size_t len = strlen(path), mark = sizeof deleted_mark - 1;
    return len > mark && strcmp(path + len - mark, deleted_mark) == 0 &&
           memory_of(path, 1) == MEMORY_FILE;
}

const char *pieces_name(const char *path, uint64_t inode)
{
    enum memory_kind memory = memory_of(path, inode);
    return memory == MEMORY_FILE || memory == MEMORY_MEMFD ? path : memory_name(memory, false);
}

void pieces_kind(const char *path, bool deleted, char *name, size_t size)
{
    struct file_kind kind = file_kind_of(path, strlen(path));
    kind.deleted = deleted && !kind.memfd;
    file_kind_name(&kind, name, size);
}

/* ---- files ---- */

/* A file is its device and inode. */
static bool same_file(const struct piece *a, const struct piece *b)
{
    return a->device == b->device && a->inode == b->inode;
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
    if (!o)
        o = a->access - b->access;
    return o ? o : order(a->from, b->from);
}

/*
 * The end of a piece can be followed by one piece that begins there or at most gap bytes behind. So
 * the pieces that can be saved are the pairs of beginnings and ends that lie so. Both lists are
 * sorted: each beginning takes the first end that is left to it.
 */
long pieces_least(const struct piece *p, size_t n, uint64_t gap, uint64_t *gaps)
{
    uint64_t *ends = enough(calloc(n + 1, sizeof *ends));
    long least = (long)n;
    uint64_t between = 0;
    for (size_t i = 0; i < n; i++)
        ends[i] = p[i].to;
    qsort(ends, n, sizeof *ends, sorted_order);
    for (size_t begin = 0, end = 0; begin < n && end < n;) {
        if (p[begin].from < ends[end]) {
            begin++;
        } else if (p[begin].from - ends[end] > gap) {
            end++;
        } else {
            least--;
            between += p[begin].from - ends[end];
            begin++;
            end++;
        }
    }
    free(ends);
    if (gaps)
        *gaps = between;
    return least;
}

static int by_maps(const void *left, const void *right)
{
    const struct mapped_file *a = left, *b = right;
    return a->maps != b->maps ? (a->maps < b->maps ? 1 : -1) : strcmp(a->path, b->path);
}

static void add_up(struct mapped_file *file, const struct piece *p)
{
    bool image = false;
    for (long i = 0, next; i < file->maps; i = next) {
        for (next = i + 1; next < file->maps && p[i].access == p[next].access; next++)
            ;
        file->in_order += pieces_least(p + i, (size_t)(next - i), 0, NULL);
        image |= (p[i].access & PIECE_EXEC) != 0;
    }
    if (image)
        file->in_order = file->maps;
}

struct mapped_file *pieces_files(const struct pieces *p, size_t *n, struct piece **sorted)
{
    struct mapped_file *files = enough(calloc(p->n + 1, sizeof *files));
    struct piece *at = *sorted = enough(calloc(p->n + 1, sizeof *at));
    size_t of_files = 0;
    *n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i].memory == MEMORY_FILE || p->at[i].memory == MEMORY_MEMFD)
            at[of_files++] = p->at[i];
    if (of_files)
        qsort(at, of_files, sizeof *at, by_file);
    for (size_t i = 0, next; i < of_files; i = next) {
        for (next = i + 1; next < of_files && same_file(&at[i], &at[next]); next++)
            ;
        struct mapped_file *file = &files[(*n)++];
        *file = (struct mapped_file){ .path = at[i].path,
                                      .deleted = pieces_deleted(at[i].path),
                                      .maps = (long)(next - i),
                                      .first = i };
        add_up(file, &at[i]);
    }
    if (*n)
        qsort(files, *n, sizeof *files, by_maps);
    return files;
}

/* ---- kinds ---- */

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

/* ---- what holds the VMAs, in a few rows ---- */

struct held held_by(const struct pieces *p, long threads)
{
    struct held h = { 0 };
    size_t bytes = 0;
    for (size_t i = 0; i < p->n; i++)
        bytes += strlen(p->at[i].path);
    size_t size = holders_memory(p->n, bytes);
    h.memory = enough(calloc(1, size));
    holders_start(&h.holders, h.memory, size);
    h.holders.threads = threads;
    for (size_t i = 0; i < p->n; i++) {
        const struct piece *at = &p->at[i];
        struct procmap m = { .start = at->start,
                             .end = at->start + (at->to - at->from),
                             .inode = at->inode,
                             .dev_major = (unsigned)(at->device >> 32),
                             .dev_minor = (unsigned)at->device,
                             .read = at->access & PIECE_READ,
                             .write = at->access & PIECE_WRITE,
                             .exec = at->access & PIECE_EXEC,
                             .path = at->path,
                             .path_len = strlen(at->path) };
        holders_add(&h.holders, &m);
    }
    h.n = holders_rows(&h.holders, h.rows, HELD_ROWS);
    return h;
}

void held_free(struct held *h)
{
    free(h->memory);
    *h = (struct held){ 0 };
}

size_t held_rows(const struct held *h, struct held_row *rows, size_t n)
{
    size_t have = h->n < n ? h->n : n;
    for (size_t i = 0; i < have; i++) {
        const struct holding *from = &h->rows[i];
        rows[i] = (struct held_row){ .maps = from->maps, .files = from->files };
        holding_name(from, HELD_PATH, rows[i].what, sizeof rows[i].what);
    }
    return have;
}

const char *held_memory(const struct held *h, enum memory_kind memory)
{
    return memory_name(memory, holders_stacks(&h->holders));
}

void held_json(const struct held_row *row, const char *key, struct json *j)
{
    json_open(j, key, '{');
    json_text(j, "name", row->what);
    json_number(j, "maps", row->maps);
    json_number(j, "file_count", row->files);
    json_close(j, '}');
}
