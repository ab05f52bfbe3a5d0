/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* space: see space.h. Finds the holders that get a colour of their own, and then walks the VMAs
 * once. */
#define _GNU_SOURCE
#include "command/report/space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"

enum {
    RUNS = 5000, /* about as many at most */
    SHOWN =
        SPACE_HOLDERS - 3, /* files and kinds; and a big file of a shown kind, anonymous, others */
};

static bool is_anonymous(const struct live_map *m)
{
    return memory_of(m->path, m->inode) == MEMORY_PRIVATE;
}

/* Two VMAs of cold mappings stand for different files. */
static bool same_file(const struct live_map *a, const struct live_map *b)
{
    if (memory_of(a->path, a->inode) == MEMORY_COLD || memory_of(b->path, b->inode) == MEMORY_COLD)
        return false;
    if (is_anonymous(a) || is_anonymous(b))
        return is_anonymous(a) && is_anonymous(b) && strcmp(a->path, b->path) == 0;
    return a->device == b->device && a->inode == b->inode &&
           (a->inode != 0 || strcmp(a->path, b->path) == 0);
}

static enum border border_of(const struct live_map *a, const struct live_map *b)
{
    if (!same_file(a, b))
        return BORDER_FILE;
    if (a->read != b->read || a->write != b->write || a->exec != b->exec || a->shared != b->shared)
        return BORDER_PROTECTION;
    bool touch = a->end == b->start;
    if (is_anonymous(a))
        return touch ? BORDER_UNSEEN : BORDER_GAP;
    bool continues = b->offset == a->offset + (a->end - a->start);
    if (touch)
        return continues ? BORDER_UNSEEN : BORDER_ORDER;
    return continues || a->offset == b->offset + (b->end - b->start) ? BORDER_ORDER : BORDER_GAP;
}

static void add_holder(struct space *s, const char *name)
{
    snprintf(s->holders[s->holder_count++].name, sizeof s->holders[0].name, "%s", name);
}

/* A file that holds a twentieth of all VMAs has a colour of its own; then the kinds of files
 * have. */
static void choose_holders(struct space *s, const struct live_map *maps, size_t n,
                           const struct patient *of)
{
    struct pieces pieces = { 0 };
    struct piece *sorted;
    size_t file_count, kind_count;
    for (size_t i = 0; i < n; i++) {
        const struct live_map *m = &maps[i];
        struct procmap map = {
            .start = m->start,
            .end = m->end,
            .offset = m->offset,
            .inode = m->inode,
            .dev_major = (unsigned)(m->device >> 32),
            .dev_minor = (unsigned)m->device,
            .read = m->read,
            .write = m->write,
            .exec = m->exec,
            .shared = m->shared,
            .path = m->path,
            .path_len = strlen(m->path),
        };
        pieces_add(&pieces, &map);
    }
    struct mapped_file *files = pieces_files(&pieces, &file_count, &sorted);
    struct kind *kinds = pieces_kinds(files, file_count, &kind_count);
    s->held = held_by(&pieces, of->threads);
    s->cure = cure_of(&pieces, of);
    s->in_order = (long)n;
    for (enum memory_kind m = MEMORY_SHARED; m < MEMORIES; m++)
        if (s->held.holders.of[m].maps)
            add_holder(s, memory_name(m, false));
    for (size_t i = 0; i < file_count; i++) {
        s->in_order -= files[i].maps - files[i].in_order;
        s->deleted += files[i].deleted ? files[i].maps : 0;
        if (files[i].maps >= 20 && (size_t)files[i].maps * 20 >= n && s->holder_count < SHOWN - 2)
            add_holder(s, files[i].path);
    }
    for (size_t i = 0; i < kind_count && s->holder_count < SHOWN; i++)
        if (kinds[i].name[1] && kinds[i].files > 1)
            add_holder(s, kinds[i].name);
    free(kinds);
    free(files);
    free(sorted);
    pieces_free(&pieces);
    s->holders[s->holder_count].anonymous = true;
    add_holder(s, memory_name(MEMORY_PRIVATE, false));
    s->holders[s->holder_count].others = true;
    add_holder(s, "other files");
}

/* The holder that a VMA belongs to: its file if that is one, else its kind. */
static size_t holder_of(const struct space *s, const struct live_map *m)
{
    char kind[PIECES_KIND];
    if (is_anonymous(m))
        return s->holder_count - 2;
    pieces_kind(m->path, m->deleted, kind, sizeof kind);
    size_t found = s->holder_count - 1;
    for (size_t i = 0; i < s->holder_count - 2; i++) {
        if (strcmp(s->holders[i].name, pieces_name(m->path, m->inode)) == 0)
            return i;
        if (strcmp(s->holders[i].name, kind) == 0)
            found = i;
    }
    return found;
}

static void walk(struct space *s, const struct live_map *maps, size_t n)
{
    const uint64_t far = 1ull << 30;
    long least = (long)(n / RUNS) + 1, most = (long)(n / (RUNS / 3)) + 16;
    size_t room = 0, holder = 0, last = 0;
    struct space_run *run = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct live_map *m = &maps[i];
        bool same = i > 0 && same_file(m - 1, m);
        holder = same ? last : holder_of(s, m);
        if (!run || run->maps >= most || (run->maps >= least && holder != last) ||
            m->start - m[-1].end >= far) {
            s->runs = enough_room(s->runs, s->run_count, &room, sizeof *s->runs);
            run = &s->runs[s->run_count++];
            *run = (struct space_run){ .start = m->start, .name = pieces_name(m->path, m->inode) };
        }
        last = holder;
        run->files += (!same || run->maps == 0) && !is_anonymous(m);
        run->maps++;
        run->end = m->end;
        run->shares[holder].maps++;
        run->shares[holder].bytes += m->end - m->start;
        s->holders[holder].maps++;
        if (i + 1 < n) {
            enum border b = border_of(m, m + 1);
            run->borders[b]++;
            s->borders[b]++;
        }
    }
}

struct space *space_make(const struct live_map *maps, size_t n, const struct patient *of)
{
    struct space *s = enough(calloc(1, sizeof *s));
    choose_holders(s, maps, n, of);
    walk(s, maps, n);
    return s;
}
