/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * maps: the parser of /proc/PID/maps, and what the command makes of the list.
 *
 * The input is two bytes, the number of bytes that a read gives at most and how large the buffer
 * is, and the list.
 */
#include "kernel/procmaps.h"

#include <errno.h>

#include "command/lib/verb.h"
#include "command/watch/pieces.h"
#include "fakesys.h"
#include "fuzz.h"

const struct verb *const verbs[] = { NULL };

enum { BUFFER = 8192 };

struct list {
    struct pieces pieces;
    uintptr_t last;
    size_t lines;
};

/* What was read, printed as the kernel prints it (show_map_vma), is read in the same way. */
static void check_line(const struct procmap *m)
{
    struct procmap again;
    char line[BUFFER + 200];
    int len =
        snprintf(line, sizeof line, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu %s", m->start, m->end,
                 m->read ? 'r' : '-', m->write ? 'w' : '-', m->exec ? 'x' : '-',
                 m->shared ? 's' : 'p', m->offset, m->dev_major, m->dev_minor, m->inode, m->path);
    holds(len > 0 && (size_t)len < sizeof line);
    holds(procmaps_parse(line, (size_t)len, &again));
    holds(again.start == m->start && again.end == m->end && again.offset == m->offset);
    holds(again.read == m->read && again.write == m->write && again.exec == m->exec);
    holds(again.shared == (fuzz_broken() && m->exec && m->write ? !m->shared : m->shared));
    holds(again.dev_major == m->dev_major && again.dev_minor == m->dev_minor);
    holds(again.inode == m->inode);
}

static bool take(const struct procmap *m, void *context)
{
    struct list *l = context;
    holds(m->start < m->end && strlen(m->path) <= m->path_len);
    check_line(m);
    pieces_add(&l->pieces, m);
    l->lines++;
    return true;
}

/* The lines of the text up to the first one that is none; -EINVAL if there is such a one. */
static long naive_scan(const char *text, size_t *good)
{
    struct procmap m;
    *good = 0;
    for (const char *end; *text; text = end + 1) {
        end = strchr(text, '\n');
        if (!end || !procmaps_parse(text, (size_t)(end - text), &m))
            return -EINVAL;
        ++*good;
    }
    return (long)*good;
}

static long scan(const char *text, size_t chunk, size_t size, struct list *l)
{
    char *buffer = malloc(size);
    if (!buffer)
        abort();
    fake_reset();
    fake_text("/proc/1/maps", text, chunk);
    long lines = procmaps_scan("/proc/1/maps", buffer, size, take, l);
    free(buffer);
    return lines;
}

static void check_files(const struct pieces *p)
{
    size_t n, kinds;
    long maps = 0, in_kinds = 0, rows = 0;
    struct piece *sorted;
    struct mapped_file *files = pieces_files(p, &n, &sorted);
    struct kind *kind = pieces_kinds(files, n, &kinds);
    for (size_t i = 0; i < n; i++) {
        holds(files[i].maps > 0 && files[i].in_order > 0 && files[i].in_order <= files[i].maps);
        holds(i == 0 || files[i - 1].maps >= files[i].maps);
        maps += files[i].maps;
    }
    for (size_t i = 0; i < kinds; i++) {
        holds(strlen(kind[i].name) < PIECES_KIND);
        in_kinds += kind[i].maps;
    }
    holds((size_t)maps <= p->n && in_kinds == maps);
    struct held h = held_by(p, 1);
    struct held_row row[HELD_ROWS];
    size_t have = held_rows(&h, row, HELD_ROWS);
    for (size_t i = 0; i < have; i++) {
        holds(row[i].maps > 0 && strlen(row[i].what) < sizeof row[i].what);
        rows += row[i].maps;
    }
    holds((size_t)rows <= p->n);
    held_free(&h);
    free(kind);
    free(sorted);
    free(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, data + size };
    struct list l = { .lines = 0 }, again = { .lines = 0 };
    struct procmap m;
    size_t chunk = fuzz_byte(&in), room = BUFFER + fuzz_byte(&in), good;
    char *text = fuzz_string(&in, '\0'), buffer[BUFFER];
    long lines = scan(text, chunk, room, &l), naive = naive_scan(text, &good);
    if (size < BUFFER) { /* else a line may be longer than the buffer */
        holds(lines == naive && l.lines == good);
        holds(scan(text, 0, BUFFER, &again) == lines && again.lines == l.lines);
    }
    check_files(&l.pieces);
    uintptr_t wanted = l.pieces.n ? l.pieces.at[l.pieces.n / 2].start : 0x1000;
    long found = procmaps_at("/proc/1/maps", wanted, &m, buffer, sizeof buffer);
    holds(found != 0 || (m.start <= wanted && m.end > wanted));
    fake_text(PROCMAPS_SELF, text, chunk);
    holds(lines > 0 || size >= BUFFER || gaps_largest() == 0);
    fake_text(PROCMAPS_LIMIT_PATH, text, chunk);
    procmaps_limit(PROCMAPS_LIMIT_PATH);
    pieces_free(&l.pieces);
    pieces_free(&again.pieces);
    free(text);
    return 0;
}
