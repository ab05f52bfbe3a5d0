/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record: see record.h.
 *
 * The library may write while the record is read. Arrays to which it only adds (texts, files,
 * stacks) are read after the pieces, so that they have all that the pieces name. The pieces are
 * read again if the field changes has moved meanwhile. If it never rests, the check separates
 * pieces that overlap.
 *
 * Each number of the file is compared with what is there before it is used as an index, offset or
 * length. No number makes the work grow beyond the size of the file.
 */
#define _GNU_SOURCE
#include "command/leaks/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/lib/verb.h"

/* ---- checking ---- */

static char problem[256];

void *record_refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
    return NULL;
}

const char *record_problem(void)
{
    return problem;
}

static size_t record_element(unsigned kind)
{
    switch (kind) {
    case MAPHERD_CHUNK_LIVE: return sizeof(struct mapherd_record_mapping);
    case MAPHERD_CHUNK_STACK: return sizeof(uint64_t);
    case MAPHERD_CHUNK_TEXT: return 1;
    case MAPHERD_CHUNK_FRAME: return sizeof(struct mapherd_record_frame);
    case MAPHERD_CHUNK_FILE: return sizeof(struct mapherd_record_file);
    case MAPHERD_CHUNK_MODULE: return sizeof(struct mapherd_record_module);
    }
    return 0;
}

static bool refuse_false(const char *what, uint64_t number)
{
    return record_refuse("%s %llu makes no sense", what, (unsigned long long)number);
}

static bool is_power(uint64_t n, uint64_t least, uint64_t most)
{
    return n >= least && n <= most && (n & (n - 1)) == 0;
}

/* The parts of the file, each with its beginning and length. No two may overlap. */
static bool check_places(const struct mapherd_record_head *h)
{
    const struct {
        uint64_t at, len;
        const char *what;
    } parts[] = {
        { 0, h->size, "head" },
        { h->history_at,
          (uint64_t)h->history_levels * h->history_points * sizeof(struct mapherd_record_point),
          "history" },
        { h->events_at, (uint64_t)h->events * sizeof(struct mapherd_record_event), "events" },
        { h->top_at, (uint64_t)h->top * sizeof(struct mapherd_record_top), "top files" },
        { h->directory_at, h->chunks_most, "directory" },
        { h->chunks_at, (uint64_t)h->chunks_most * h->chunk_size, "chunks" },
    };
    enum { PARTS = sizeof parts / sizeof *parts };
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].at % 8)
            return record_refuse("its %s lie between words", parts[i].what);
        for (size_t k = 0; k < i; k++)
            if (parts[i].at < parts[k].at + parts[k].len &&
                parts[k].at < parts[i].at + parts[i].len)
                return record_refuse("its %s and its %s lie over each other", parts[k].what,
                                     parts[i].what);
    }
    return true;
}

bool record_begins(int fd, uint64_t at)
{
    char magic[sizeof MAPHERD_RECORD_MAGIC - 1];
    return fd >= 0 && pread(fd, magic, sizeof magic, (off_t)at) == (ssize_t)sizeof magic &&
           memcmp(magic, MAPHERD_RECORD_MAGIC, sizeof magic) == 0;
}

bool record_check_head(const struct mapherd_record_head *h, size_t len)
{
    const size_t least =
        offsetof(struct mapherd_record_head, status) + offsetof(struct mapherd_status, state);
    if (len < sizeof h->magic || memcmp(h->magic, MAPHERD_RECORD_MAGIC, sizeof h->magic) != 0)
        return record_refuse("it is no record of mapherd");
    if (len < least)
        return record_refuse("it ends at %zu, in the middle of its head", len);
    if (h->endian == __builtin_bswap32(MAPHERD_RECORD_ENDIAN))
        return record_refuse("it was written by a machine with another order of bytes");
    if (h->endian != MAPHERD_RECORD_ENDIAN)
        return refuse_false("its mark of byte order,", h->endian);
    if (h->version != MAPHERD_RECORD_VERSION)
        return record_refuse("its version is %u, and only %d is known here", h->version,
                             MAPHERD_RECORD_VERSION);
    if (h->size < least || h->size > 65536)
        return refuse_false("a head of bytes:", h->size);
    if (!is_power(h->page_size, 4096, 1 << 20))
        return refuse_false("a page of bytes:", h->page_size);
    if (!is_power(h->chunk_size, 4096, 1 << 24))
        return refuse_false("a chunk of bytes:", h->chunk_size);
    if (h->history_levels > 32 || h->history_points > 65536)
        return refuse_false("the history's length,",
                            (uint64_t)h->history_levels * h->history_points);
    if (h->events > 65536)
        return refuse_false("the number of events,", h->events);
    if (h->top > 65536)
        return refuse_false("the number of top files,", h->top);
    if (h->chunks_most > (1u << 30) / h->chunk_size || h->chunks > h->chunks_most)
        return refuse_false("the number of chunks,",
                            h->chunks > h->chunks_most ? h->chunks : h->chunks_most);
    return check_places(h);
}

static int by_number(const void *left, const void *right)
{
    const struct mapherd_record_event *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static void record_check_events(struct record *r, struct mapherd_record_event *events, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct mapherd_record_event *e = &events[i];
        if (e->number == 0 || (e->number - 1) % n != i)
            continue;
        e->text[sizeof e->text - 1] = '\0';
        if (e->kind > MAPHERD_EVENT_RECORD)
            e->kind = MAPHERD_EVENT_OTHER;
        events[kept++] = *e;
    }
    if (kept)
        qsort(events, kept, sizeof *events, by_number);
    r->events = events;
    r->event_count = kept;
}

/* No process has more maps than an int, nor more bytes than this. */
static bool is_possible(const struct mapherd_record_top *t)
{
    return t->maps && t->maps <= INT32_MAX && t->bytes <= 1ull << 57;
}

static size_t record_check_top(struct mapherd_record_top *top, size_t n)
{
    size_t kept = 0;
    for (; kept < n && is_possible(&top[kept]); kept++)
        top[kept].path[sizeof top->path - 1] = '\0';
    return kept;
}

static void record_check_modules(struct mapherd_record_module *modules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (modules[i].id_len > sizeof modules->id)
            modules[i].id_len = 0;
}

/* ---- pieces ---- */

static int by_start(const void *left, const void *right)
{
    const struct mapherd_record_mapping *a = left, *b = right;
    return a->start != b->start ? (a->start < b->start ? -1 : 1)
                                : (a->order > b->order) - (a->order < b->order);
}

/* order wraps around: the newer piece is the one that is less than half of its range ahead. */
static bool is_newer(const struct mapherd_record_mapping *a, const struct mapherd_record_mapping *b)
{
    return (int32_t)(a->order - b->order) > 0;
}

/* A heap of pieces that begin at or before a place, the newest on top. */
struct heap {
    const struct mapherd_record_mapping **at;
    size_t n;
};

static void heap_push(struct heap *h, const struct mapherd_record_mapping *piece)
{
    size_t i = h->n++;
    for (; i > 0 && is_newer(piece, h->at[(i - 1) / 2]); i = (i - 1) / 2)
        h->at[i] = h->at[(i - 1) / 2];
    h->at[i] = piece;
}

static void heap_pop(struct heap *h)
{
    const struct mapherd_record_mapping *last = h->at[--h->n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && is_newer(h->at[child + 1], h->at[child]))
            child++;
        if (!is_newer(h->at[child], last))
            break;
        h->at[i] = h->at[child];
    }
    if (h->n)
        h->at[i] = last;
}

static struct mapherd_record_mapping part_of(const struct mapherd_record_mapping *piece,
                                             uint64_t start, uint64_t end)
{
    struct mapherd_record_mapping part = *piece;
    part.start = start;
    part.end = end;
    part.offset += start - piece->start;
    return part;
}

/* Goes through the addresses and writes the newest piece at each place to out. in is sorted. out
 * has room for twice as many, because each beginning and each end makes one part at most. */
static size_t lay_apart(const struct mapherd_record_mapping *in, size_t n, struct heap *h,
                        struct mapherd_record_mapping *out)
{
    size_t made = 0, next = 0;
    uint64_t place = 0;
    const struct mapherd_record_mapping *last = NULL; /* of which out's last part is */
    while (next < n || h->n) {
        if (!h->n && place < in[next].start)
            place = in[next].start;
        while (next < n && in[next].start <= place)
            heap_push(h, &in[next++]);
        const struct mapherd_record_mapping *top = h->at[0];
        if (top->end <= place) {
            heap_pop(h);
            continue;
        }
        uint64_t end = next < n && in[next].start < top->end ? in[next].start : top->end;
        if (last == top && out[made - 1].end == place)
            out[made - 1].end = end;
        else
            out[made++] = part_of(top, place, end);
        last = top;
        place = end;
    }
    return made;
}

static bool are_apart(const struct mapherd_record_mapping *p, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (p[i].start < p[i - 1].end)
            return false;
    return true;
}

static bool lay_pieces_apart(struct record *r)
{
    struct heap heap = { malloc(r->piece_count * sizeof *heap.at), 0 };
    struct mapherd_record_mapping *apart = malloc(2 * r->piece_count * sizeof *apart);
    bool done = heap.at && apart;
    if (done) {
        r->piece_count = lay_apart(r->pieces, r->piece_count, &heap, apart);
        free(r->pieces);
        r->pieces = apart;
    } else {
        free(apart);
    }
    free(heap.at);
    return done;
}

/* Frames that name what is not there become addresses of no file. Words are no frames only in the
 * heads of stacks, which nobody reads again without checking. */
static void check_stack(struct record *r, uint64_t *words, uint32_t stack)
{
    size_t depth;
    uint64_t *frames = words + (record_stack(r, stack, &depth) - r->words);
    for (size_t i = 0; i < depth; i++) {
        uint32_t module = MAPHERD_FRAME_MODULE(frames[i]);
        size_t count = module == MAPHERD_FRAME_JAVA ? r->frame_count : r->module_count;
        uint64_t element = module == MAPHERD_FRAME_JAVA ? (uint32_t)frames[i] : module;
        if (module != 0 && (element == 0 || element >= count))
            frames[i] = MAPHERD_FRAME_OFFSET(frames[i]);
    }
}

static bool makes_sense(const struct record *r, const struct mapherd_record_mapping *p)
{
    uint64_t page = r->head.page_size;
    return p->start % page == 0 && p->end % page == 0 && p->start < p->end && p->end <= INT64_MAX;
}

static bool record_check_pieces(struct record *r, size_t n)
{
    unsigned char *seen =
        calloc(r->word_count / 8 + 1, 1); /* a bit a word: its stack was checked */
    if (!seen)
        return false;
    r->piece_count = 0;
    for (size_t i = 0; i < n; i++) {
        struct mapherd_record_mapping p = r->pieces[i];
        size_t depth;
        if (p.start == 0 || p.start % 2)
            continue; /* gone, or going just now */
        if (!makes_sense(r, &p)) {
            r->dropped++;
            continue;
        }
        if (p.file >= r->file_count)
            p.file = 0;
        record_stack(r, p.stack, &depth);
        if (depth == 0)
            p.stack = 0;
        else if (!(seen[p.stack / 8] & 1u << p.stack % 8))
            check_stack(r, (uint64_t *)(uintptr_t)r->words, p.stack);
        seen[p.stack / 8] |= (unsigned char)(1u << p.stack % 8);
        r->pieces[r->piece_count++] = p;
    }
    free(seen);
    if (r->piece_count)
        qsort(r->pieces, r->piece_count, sizeof *r->pieces, by_start);
    return are_apart(r->pieces, r->piece_count) || lay_pieces_apart(r);
}

/* ---- reading ---- */

#define ATTEMPTS 8
#define DEPTH_MOST 1024 /* frames: more than any option allows */
#define KINDS 8

/* What the reader holds: every array of a record. */
struct memory {
    void *points, *events, *top;
    void *chunks[KINDS];
};

/* As much as there is, up to len; -1 with errno. */
static ssize_t read_some(int fd, void *into, size_t len, uint64_t at)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, (char *)into + done, len - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Reads len bytes, or says why it cannot. */
static bool read_at(int fd, void *into, size_t len, uint64_t at)
{
    ssize_t got = read_some(fd, into, len, at);
    if (got < 0)
        return record_refuse("it cannot be read at %llu: %s", (unsigned long long)at,
                             strerror(errno));
    if ((size_t)got < len)
        return record_refuse("it ends at %llu, and should not",
                             (unsigned long long)at + (unsigned long long)got);
    return true;
}

/* Allocates and reads; what has no bytes is one zero byte that nobody reads. */
static void *read_part(int fd, uint64_t at, size_t len)
{
    void *part = calloc(1, len + 1);
    if (!part)
        return record_refuse("there is no memory for it");
    if (read_at(fd, part, len, at))
        return part;
    free(part);
    return NULL;
}

static bool read_head(int fd, struct mapherd_record_head *h)
{
    memset(h, 0, sizeof *h);
    ssize_t got = read_some(fd, h, sizeof *h, 0);
    if (got < 0)
        return record_refuse("it cannot be read: %s", strerror(errno));
    if (!record_check_head(h, (size_t)got))
        return false;
    if ((size_t)got < sizeof *h && (size_t)got < h->size)
        return record_refuse("it ends at %zd, in the middle of its head", got);
    if (h->size < sizeof *h)
        memset((char *)h + h->size, 0, sizeof *h - h->size);
    h->program[sizeof h->program - 1] = '\0';
    h->host[sizeof h->host - 1] = '\0';
    h->arguments[sizeof h->arguments - 1] = '\0';
    return true;
}

/* All used elements of one kind, one behind the other; their number in *n. */
static void *read_kind(int fd, const struct mapherd_record_head *h, const unsigned char *directory,
                       unsigned kind, size_t *n)
{
    size_t element = record_element(kind), chunks = 0;
    for (uint32_t i = 0; i < h->chunks; i++)
        chunks += directory[i] == kind;
    size_t len = (size_t)h->used[kind] * element;
    if (len > chunks * h->chunk_size)
        len = chunks * h->chunk_size;
    char *all = calloc(1, len + sizeof(uint64_t));
    if (!all)
        return record_refuse("there is no memory for it");
    size_t done = 0;
    for (uint32_t i = 0; i < h->chunks && done < len; i++) {
        if (directory[i] != kind)
            continue;
        size_t part = len - done < h->chunk_size ? len - done : h->chunk_size;
        if (!read_at(fd, all + done, part, h->chunks_at + (uint64_t)i * h->chunk_size)) {
            free(all);
            return NULL;
        }
        done += part;
    }
    *n = len / element;
    return all;
}

/* The parts do not move while the process runs. */
static bool is_laid_out_alike(const struct mapherd_record_head *a,
                              const struct mapherd_record_head *b)
{
    size_t from = offsetof(struct mapherd_record_head, history_at);
    return memcmp((const char *)a + from, (const char *)b + from,
                  offsetof(struct mapherd_record_head, state) - from) == 0;
}

/* The pieces, at a moment at which the library was still, if there is one. The head is that of
 * behind it. */
static bool read_pieces(int fd, struct record *r, struct memory *m, unsigned char **directory,
                        size_t *n)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct mapherd_record_head before = r->head;
        free(*directory);
        free(m->chunks[MAPHERD_CHUNK_LIVE]);
        m->chunks[MAPHERD_CHUNK_LIVE] = NULL;
        *directory = read_part(fd, before.directory_at, before.chunks_most);
        if (*directory)
            m->chunks[MAPHERD_CHUNK_LIVE] =
                read_kind(fd, &before, *directory, MAPHERD_CHUNK_LIVE, n);
        if (!m->chunks[MAPHERD_CHUNK_LIVE] || !read_head(fd, &r->head))
            return false;
        if (!is_laid_out_alike(&before, &r->head))
            return record_refuse("it was made anew while it was read");
        if (r->head.changes == before.changes && before.changes % 2 == 0)
            break;
    }
    /* What was added meanwhile is in chunks that may be new. */
    free(*directory);
    *directory = read_part(fd, r->head.directory_at, r->head.chunks_most);
    return *directory != NULL;
}

static bool read_parts(int fd, struct record *r, struct memory *m)
{
    const struct mapherd_record_head *h = &r->head;
    size_t points = (size_t)h->history_levels * h->history_points;
    m->points = read_part(fd, h->history_at, points * sizeof(struct mapherd_record_point));
    m->events = m->points
                    ? read_part(fd, h->events_at, h->events * sizeof(struct mapherd_record_event))
                    : NULL;
    m->top =
        m->events ? read_part(fd, h->top_at, h->top * sizeof(struct mapherd_record_top)) : NULL;
    if (!m->top)
        return false;
    r->points = m->points;
    record_check_events(r, m->events, h->events);
    r->top = m->top;
    r->top_count = record_check_top(m->top, h->top);
    return true;
}

static bool read_chunks(int fd, struct record *r, struct memory *m)
{
    static const unsigned char kinds[] = { MAPHERD_CHUNK_STACK, MAPHERD_CHUNK_TEXT,
                                           MAPHERD_CHUNK_FRAME, MAPHERD_CHUNK_FILE,
                                           MAPHERD_CHUNK_MODULE };
    size_t n[KINDS] = { 0 };
    unsigned char *directory = NULL;
    bool read = read_pieces(fd, r, m, &directory, &n[MAPHERD_CHUNK_LIVE]);
    for (size_t i = 0; read && i < sizeof kinds; i++) {
        m->chunks[kinds[i]] = read_kind(fd, &r->head, directory, kinds[i], &n[kinds[i]]);
        read = m->chunks[kinds[i]] != NULL;
    }
    free(directory);
    if (!read)
        return false;
    r->words = m->chunks[MAPHERD_CHUNK_STACK];
    r->word_count = n[MAPHERD_CHUNK_STACK];
    r->text = m->chunks[MAPHERD_CHUNK_TEXT];
    r->text_len = n[MAPHERD_CHUNK_TEXT];
    r->frames = m->chunks[MAPHERD_CHUNK_FRAME];
    r->frame_count = n[MAPHERD_CHUNK_FRAME];
    r->files = m->chunks[MAPHERD_CHUNK_FILE];
    r->file_count = n[MAPHERD_CHUNK_FILE];
    r->modules = m->chunks[MAPHERD_CHUNK_MODULE];
    r->module_count = n[MAPHERD_CHUNK_MODULE];
    record_check_modules(m->chunks[MAPHERD_CHUNK_MODULE], r->module_count);
    r->pieces = m->chunks[MAPHERD_CHUNK_LIVE];
    bool checked = record_check_pieces(r, n[MAPHERD_CHUNK_LIVE]);
    m->chunks[MAPHERD_CHUNK_LIVE] = r->pieces;
    return checked || record_refuse("there is no memory for it");
}

void record_free(struct record *r)
{
    struct memory *m = r ? r->memory : NULL;
    if (!m)
        return;
    free(m->points);
    free(m->events);
    free(m->top);
    for (unsigned k = 0; k < KINDS; k++)
        free(m->chunks[k]);
    free(r->path);
    free(r); /* and m, which lies behind it */
}

static struct record *read_open(int fd, const char *path)
{
    struct {
        struct record record;
        struct memory memory;
    } *both = calloc(1, sizeof *both);
    struct stat st;
    if (!both)
        return record_refuse("there is no memory for it");
    struct record *r = &both->record;
    r->memory = &both->memory;
    r->taken_ms = units_now(CLOCK_REALTIME);
    r->path = strdup(path);
    bool read = r->path != NULL && fstat(fd, &st) == 0;
    if (!read)
        record_refuse("there is no memory for it");
    else if (!S_ISREG(st.st_mode))
        read = record_refuse("it is no regular file");
    else {
        r->owner = st.st_uid;
        r->device = st.st_dev;
        r->inode = st.st_ino;
        r->size = (uint64_t)st.st_size;
    }
    if (read && read_head(fd, &r->head) && read_parts(fd, r, &both->memory) &&
        read_chunks(fd, r, &both->memory))
        return r;
    record_free(r);
    return NULL;
}

int record_open(const char *path, int flags)
{
    int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        record_refuse("%s", strerror(errno));
    return fd;
}

struct record *record_take(int fd, const char *path, const char **why)
{
    struct record *r = fd >= 0 ? read_open(fd, path) : NULL;
    if (fd >= 0)
        close(fd);
    *why = r ? NULL : record_problem();
    return r;
}

struct record *record_read(const char *path, const char **why)
{
    return record_take(record_open(path, O_RDONLY), path, why);
}

const char *record_text(const struct record *r, uint32_t at)
{
    return at < r->text_len ? r->text + at : "";
}

const uint64_t *record_stack(const struct record *r, uint32_t stack, size_t *depth)
{
    const size_t head = sizeof(struct mapherd_record_stack) / sizeof(uint64_t);
    *depth = 0;
    if (stack == 0 || stack >= r->word_count || r->word_count - stack <= head)
        return r->words;
    const struct mapherd_record_stack *s = (const void *)(r->words + stack);
    if (s->depth <= DEPTH_MOST && s->depth <= r->word_count - stack - head)
        *depth = s->depth;
    return r->words + stack + head;
}

bool record_use(const struct record *r, uint32_t stack, struct mapherd_record_use *use)
{
    size_t depth;
    const uint64_t *behind = record_stack(r, stack, &depth) + depth,
                   *end = r->words + r->word_count;
    *use = (struct mapherd_record_use){ 0 };
    if (!depth || r->head.stack_use < sizeof *use || (size_t)(end - behind) * 8 < sizeof *use)
        return false;
    memcpy(use, behind, sizeof *use);
    return true;
}

/* ---- the record files of a folder ---- */

static bool begins_like_one(const char *path)
{
    int fd = record_open(path, O_RDONLY | O_NOFOLLOW);
    bool is = record_begins(fd, 0);
    if (fd >= 0)
        close(fd);
    return is;
}

bool records_each(const char *folder, records_take *take, void *context)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        complain("%s: %s", folder, strerror(errno));
        return false;
    }
    for (int i = 0; i < n; i++) {
        char *path = enough_text("%s/%s", folder, entries[i]->d_name);
        const char *why;
        struct record *r = begins_like_one(path) ? record_read(path, &why) : NULL;
        if (r)
            take(path, r, context);
        record_free(r);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return true;
}

/* A MAPHERD_DIR may have a name with % in it behind the folder. */
static void folder_of(const char *dir, char *folder, size_t size)
{
    snprintf(folder, size, "%s", dir);
    char *slash = strrchr(folder, '/');
    if (strchr(folder, '%') && slash != folder)
        *slash = '\0';
}

void records_each_usual(records_take *take, void *context)
{
    static const char usual[] = "/dev/shm";
    char folder[4096] = "";
    const char *chosen = getenv("MAPHERD_DIR");
    if (chosen && chosen[0] == '/')
        folder_of(chosen, folder, sizeof folder);
    if (*folder && strcmp(folder, usual) != 0)
        records_each(folder, take, context);
    records_each(usual, take, context);
}
