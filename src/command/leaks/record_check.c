/*
 * record_check: makes what was read of a record file fit to be used.
 *
 * Rules: whatever a number of the file is used for, it is compared with what is there first; and no
 * number makes the work grow beyond the size of the file.
 */
#define _GNU_SOURCE
#include "command/leaks/record_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

size_t record_element(unsigned kind)
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

/* The parts, each with where it begins and how long it is: none may lie over another. */
static bool check_places(const struct mapherd_record_head *h)
{
    const struct {
        uint64_t at, len;
        const char *what;
    } parts[] = {
        { 0, h->size, "head" },
        { h->history_at, (uint64_t)h->history_levels * h->history_points *
                             sizeof(struct mapherd_record_point), "history" },
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
            if (parts[i].at < parts[k].at + parts[k].len && parts[k].at < parts[i].at + parts[i].len)
                return record_refuse("its %s and its %s lie over each other", parts[k].what,
                                     parts[i].what);
    }
    return true;
}

bool record_check_head(const struct mapherd_record_head *h, size_t len)
{
    const size_t least = offsetof(struct mapherd_record_head, status) +
                         offsetof(struct mapherd_status, state);
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
        return refuse_false("the history's length,", (uint64_t)h->history_levels * h->history_points);
    if (h->events > 65536)
        return refuse_false("the number of events,", h->events);
    if (h->top > 65536)
        return refuse_false("the number of top files,", h->top);
    if (h->chunks_most > (1u << 30) / h->chunk_size || h->chunks > h->chunks_most)
        return refuse_false("the number of chunks,", h->chunks > h->chunks_most ? h->chunks
                                                                              : h->chunks_most);
    return check_places(h);
}

static int by_number(const void *left, const void *right)
{
    const struct mapherd_record_event *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

void record_check_events(struct record *r, struct mapherd_record_event *events, size_t n)
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

size_t record_check_top(struct mapherd_record_top *top, size_t n)
{
    size_t kept = 0;
    for (; kept < n && top[kept].maps; kept++)
        top[kept].path[sizeof top->path - 1] = '\0';
    return kept;
}

void record_check_modules(struct mapherd_record_module *modules, size_t n)
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

/* order goes round: the newer is the one that is less than half of a round ahead. */
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

/* Walks up the addresses; what is newest at each place is written out. in is sorted; out has room
 * for twice as many: each beginning and each end makes one part at most. */
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

bool record_check_pieces(struct record *r, size_t n)
{
    unsigned char *seen = calloc(r->word_count / 8 + 1, 1); /* a bit a word: its stack was checked */
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
