/*
 * record: reads a record file.
 *
 * The library writes while it is read. What it only ever adds to (texts, files, stacks) is read
 * after the pieces, so that what they speak of is there. The pieces are read again where `changes`
 * moved meanwhile; if it does not stand still, what was half changed is laid apart by the check.
 */
#define _GNU_SOURCE
#include "command/leaks/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command/leaks/record_check.h"
#include "command/leaks/record_find.h"

#define ATTEMPTS 8
#define DEPTH_MOST 1024 /* frames: more than any option allows */
#define KINDS 8

/* What the reader holds: every array of a record. */
struct memory {
    void *points, *events, *top;
    void *chunks[KINDS];
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

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

/* All of it, or it says why not. */
static bool read_at(int fd, void *into, size_t len, uint64_t at)
{
    ssize_t got = read_some(fd, into, len, at);
    if (got < 0)
        return record_refuse("it cannot be read at %llu: %s", (unsigned long long)at, strerror(errno));
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
static bool is_laid_out_alike(const struct mapherd_record_head *a, const struct mapherd_record_head *b)
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
    m->events = m->points ? read_part(fd, h->events_at,
                                      h->events * sizeof(struct mapherd_record_event)) : NULL;
    m->top = m->events ? read_part(fd, h->top_at, h->top * sizeof(struct mapherd_record_top)) : NULL;
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
    r->taken_ms = now_ms();
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

/* Takes the descriptor over. */
static struct record *read_and_close(int fd, const char *path, const char **why)
{
    struct record *r = fd >= 0 ? read_open(fd, path) : NULL;
    if (fd >= 0)
        close(fd);
    *why = r ? NULL : record_problem();
    return r;
}

struct record *record_read(const char *path, const char **why)
{
    return read_and_close(record_open(path, O_RDONLY), path, why);
}

struct record *record_of(pid_t pid, const char **why)
{
    char path[RECORD_PATH];
    int fd = record_open_of(pid, O_RDONLY, path);
    return read_and_close(fd, path, why);
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
