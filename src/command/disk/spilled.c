/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spilled: see spilled.h.
 *
 * Rules for the spill file: A page that has a sum has to be there; otherwise the file was cut
 * short. Holes are skipped, so that the time to read depends on what is stored, and not on what the
 * slots claim.
 *
 * Rules for the files: A path is looked at before it is opened, because opening a device can have
 * an effect. What the file has now is compared before it is overwritten. Nothing is written past
 * its end.
 */
#define _GNU_SOURCE
#include "command/disk/spilled.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/place.h"
#include "command/lib/print.h"
#include "command/watch/pieces.h"
#include "command/watch/target.h"

#define MOST_PAGE 65536u
#define SUMS_AT_ONCE 512

/* Leaves a sentence in the problem of a spilled or a restore. Returns false. */
#define refuse(of, ...) write_problem((of)->problem, sizeof(of)->problem, __VA_ARGS__)
__attribute__((format(printf, 3, 4))) static bool write_problem(char *problem, size_t size,
                                                                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(problem, size, format, args);
    va_end(args);
    return false;
}

/* Reads up to len bytes, to the end of the file. *done: how many came. False with errno. */
static bool read_some(int fd, void *buf, size_t len, uint64_t at, size_t *done)
{
    for (*done = 0; *done < len;) {
        ssize_t got = pread(fd, (char *)buf + *done, len - *done, (off_t)(at + *done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        *done += (size_t)got;
    }
    return true;
}

/* ---- the spill file ---- */

/* Reads len bytes, or says in problem why it cannot. */
static bool read_at(struct spilled *s, void *buf, size_t len, uint64_t at)
{
    size_t done;
    if (!read_some(s->fd, buf, len, at, &done))
        return refuse(s, "it cannot be read at %llu: %s", (unsigned long long)(at + done),
                      strerror(errno));
    return done == len ||
           refuse(s, "it ends at %llu, and should not", (unsigned long long)(at + done));
}

static bool check_header(struct spilled *s)
{
    const struct spill_header *h = &s->header;
    if ((size_t)s->stat.st_size < sizeof *h || !read_at(s, &s->header, sizeof *h, 0))
        return refuse(s, "it is too short for a spill file");
    if (memcmp(h->magic, SPILL_MAGIC, sizeof h->magic) != 0)
        return refuse(s, "it is no spill file");
    if (h->byte_order != SPILL_BYTE_ORDER)
        return refuse(s, "it was written by a machine with another order of bytes");
    if (h->version != SPILL_VERSION)
        return refuse(s, "its version is %u, and only %d is known here", h->version, SPILL_VERSION);
    if (h->page_size < 4096 || h->page_size > MOST_PAGE || (h->page_size & (h->page_size - 1)))
        return refuse(s, "a page of %u bytes makes no sense", h->page_size);
    if (h->slots > SPILL_SLOTS)
        return refuse(s, "%u slots make no sense", h->slots);
    memcpy(s->program, h->program, sizeof h->program);
    return true;
}

/* Whether the file has the name of a spill file, and is empty, or has a first page that was
 * allocated and not written. */
static bool is_unfinished(struct spilled *s, const char *path)
{
    static const char nothing[sizeof s->header];
    size_t size =
        (size_t)s->stat.st_size < sizeof nothing ? (size_t)s->stat.st_size : sizeof nothing;
    return strncmp(base_name(path), SPILL_NAME_PREFIX, sizeof SPILL_NAME_PREFIX - 1) == 0 &&
           (size == 0 ||
            (read_at(s, &s->header, size, 0) && memcmp(&s->header, nothing, size) == 0));
}

static bool is_aligned(const struct spilled *s, uint64_t n)
{
    return n % s->header.page_size == 0;
}

/* Whether the range lies behind the slots. It may end behind the end of the file, which grows
 * with the pages. */
static bool may_have(const struct spilled *s, uint64_t at, uint64_t len)
{
    uint64_t first = (uint64_t)(SPILL_SLOTS + 1) * s->header.page_size;
    return at >= first && at <= INT64_MAX && len <= INT64_MAX - at;
}

static uint64_t pages_of(const struct spilled *s, const struct spill_slot *slot)
{
    return slot->len / s->header.page_size;
}

static bool check_slot(struct spilled *s, unsigned n)
{
    const struct spill_slot *slot = &s->slots[n];
    if (slot->path_len == 0 || slot->path_len > sizeof slot->path || slot->path[0] != '/' ||
        memchr(slot->path, '\0', slot->path_len))
        return refuse(s, "slot %u names no file", n);
    if (!is_aligned(s, slot->file_start) || !is_aligned(s, slot->len) || slot->len == 0 ||
        slot->file_start > INT64_MAX || slot->len > INT64_MAX - slot->file_start)
        return refuse(s, "slot %u describes no range of a file", n);
    if (!is_aligned(s, slot->data_at) || !is_aligned(s, slot->sums_at))
        return refuse(s, "slot %u lies between pages", n);
    if (!may_have(s, slot->data_at, slot->len) ||
        !may_have(s, slot->sums_at, pages_of(s, slot) * sizeof(spill_sum)))
        return refuse(s, "slot %u points where no pages can be", n);
    return true;
}

static bool check_slots(struct spilled *s)
{
    s->slots = calloc(SPILL_SLOTS, sizeof *s->slots);
    if (!s->slots)
        return refuse(s, "no memory to read it");
    for (unsigned n = 0; n < s->header.slots; n++)
        if (!read_at(s, &s->slots[n], sizeof *s->slots, (uint64_t)(n + 1) * s->header.page_size) ||
            !check_slot(s, n))
            return false;
    return true;
}

bool spilled_open(struct spilled *s, const char *path)
{
    *s = (struct spilled){ .fd = open(path,
                                      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) };
    if (s->fd < 0)
        return refuse(s, "%s", errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    if (fstat(s->fd, &s->stat) != 0 || !S_ISREG(s->stat.st_mode))
        refuse(s, "it is no regular file");
    else if (s->stat.st_mode & (S_IWGRP | S_IWOTH))
        refuse(s, "others than its owner may write to it, so nobody knows whose pages it holds");
    else if ((s->unfinished = is_unfinished(s, path)) || (check_header(s) && check_slots(s)))
        return true;
    spilled_close(s);
    return false;
}

void spilled_close(struct spilled *s)
{
    close(s->fd);
    free(s->slots);
    s->fd = -1;
    s->slots = NULL;
}

char *spilled_path(const struct spill_slot *slot)
{
    static const char shown[] = "\\012";
    struct stat st;
    char *path = strndup(slot->path, slot->path_len);
    if (!path || lstat(path, &st) == 0)
        return path;
    for (char *at = path; (at = strstr(at, shown)); at++) {
        *at = '\n';
        memmove(at + 1, at + sizeof shown - 1, strlen(at + sizeof shown - 1) + 1);
    }
    return path;
}

/* Reads the sums that are stored from `from` on, at most SUMS_AT_ONCE. Returns their number, 0
 * at the end, or -1. */
static int next_sums(struct spilled *s, const struct spill_slot *slot, uint64_t *from,
                     spill_sum *sums)
{
    uint64_t end = slot->sums_at + pages_of(s, slot) * sizeof *sums,
             size = (uint64_t)s->stat.st_size;
    end = end < size ? end : size / sizeof *sums * sizeof *sums;
    uint64_t at = slot->sums_at + *from * sizeof *sums;
    if (at >= end)
        return 0;
    off_t data = lseek(s->fd, (off_t)at, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
        return 0;
    if (data > (off_t)at)
        at = slot->sums_at + ((uint64_t)data - slot->sums_at) / sizeof *sums * sizeof *sums;
    if (at >= end)
        return 0;
    uint64_t n = (end - at) / sizeof *sums;
    n = n < SUMS_AT_ONCE ? n : SUMS_AT_ONCE;
    if (!read_at(s, sums, n * sizeof *sums, at))
        return -1;
    *from = (at - slot->sums_at) / sizeof *sums;
    return (int)n;
}

/* Calls each with every page of the slot, in order, until it returns false. Returns false if it
 * did, or if the spill file cannot be read. */
static bool spilled_pages(struct spilled *s, const struct spill_slot *slot,
                          bool (*each)(const struct spillpage *page, void *context), void *context)
{
    spill_sum sums[SUMS_AT_ONCE];
    uint64_t from = 0;
    int n;
    while ((n = next_sums(s, slot, &from, sums)) > 0) {
        for (int i = 0; i < n; i++) {
            uint64_t within = (from + (uint64_t)i) * s->header.page_size;
            struct spillpage page = { slot->file_start + within, slot->data_at + within, sums[i] };
            if (page.base && !each(&page, context))
                return false;
        }
        from += (uint64_t)n;
    }
    return n == 0;
}

/* Reads the page at `at` into buf, header.page_size bytes. */
static bool spilled_read(struct spilled *s, uint64_t at, void *buf)
{
    return read_at(s, buf, s->header.page_size, at);
}

/* ---- the pages of one file ---- */

static void add_range(struct ranges *to, uint64_t offset, uint64_t len)
{
    struct range *last = to->n ? &to->at[to->n - 1] : NULL;
    if (last && offset >= last->offset && offset <= last->offset + last->len) {
        if (offset + len > last->offset + last->len)
            last->len = offset + len - last->offset;
        return;
    }
    to->at = enough_room(to->at, to->n, &to->room, sizeof *to->at);
    to->at[to->n++] = (struct range){ offset, len };
}

/* Whether the file at that place may be written to; problem says why not. */
static bool is_fit(struct restore *r, const struct spill_slot *slot, int place, bool force)
{
    if (fstat(place, &r->stat) != 0)
        return refuse(r, "%s", strerror(errno));
    if (!S_ISREG(r->stat.st_mode))
        return refuse(r, "it is no regular file now");
    if (r->stat.st_ino != slot->ino && !force)
        return refuse(r, "another file has that name now (inode %llu, then %llu)",
                      (unsigned long long)r->stat.st_ino, (unsigned long long)slot->ino);
    int reader = place_enter(place, O_RDONLY);
    if (reader < 0)
        return refuse(r, "it cannot be opened: %s", strerror(errno));
    bool busy = maker_writes(reader);
    close(reader);
    return !busy || force ||
           refuse(r, "a process has it open for writing, which 'fuser -v' names; end that first");
}

void restore_open(struct restore *r, struct spilled *from, const struct spill_slot *slot,
                  const char *path, bool force)
{
    *r = (struct restore){ .path = path, .from = from, .fd = -1 };
    r->here = malloc(2 * MOST_PAGE);
    if (!r->here) {
        refuse(r, "no memory");
        return;
    }
    r->stored = r->here + MOST_PAGE;
    /* The kernel's names of what is mapped have no links in them. */
    int place = force ? place_open(path, PLACE_LINK_ITSELF) : place_open_straight(path);
    if (place < 0 && errno == ELOOP) {
        refuse(r, "a folder of its path is a symbolic link now; --force follows it");
        return;
    }
    if (place < 0) {
        refuse(r, "%s", strerror(errno));
        r->deleted = errno == ENOENT && pieces_deleted(path);
        if (r->deleted)
            refuse(r, "it had no name any more when it was mapped; --force gives its pages up");
        return;
    }
    if (is_fit(r, slot, place, force)) {
        r->another_device = r->stat.st_dev != slot->dev;
        r->fd = place_enter(place, O_RDWR);
        if (r->fd < 0)
            refuse(r, "it cannot be opened for writing: %s", strerror(errno));
    }
    close(place);
}

void restore_close(struct restore *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->here);
    free(r->pages);
    free(r->todo.at);
    free(r->changed.at);
    free(r->past.at);
}

/* Reads the page from the file; zeros after its end. */
static bool read_here(struct restore *r, uint64_t offset, size_t size)
{
    size_t done;
    memset(r->here, 0, r->from->header.page_size);
    return read_some(r->fd, r->here, size, offset, &done) ||
           refuse(r, "it cannot be read at %llu: %s", (unsigned long long)(offset + done),
                  strerror(errno));
}

/* The number of bytes of a page that lie before the end of the file. */
static size_t size_of(const struct restore *r, uint64_t offset)
{
    uint64_t end = (uint64_t)r->stat.st_size, page = r->from->header.page_size;
    return offset >= end ? 0 : (size_t)(end - offset < page ? end - offset : page);
}

static bool judge(const struct spillpage *page, void *context)
{
    struct restore *r = context;
    uint32_t page_size = r->from->header.page_size;
    size_t size = size_of(r, page->offset);
    if (!spilled_read(r->from, page->at, r->stored))
        return refuse(r, "the spill file: %.200s", r->from->problem);
    if (spill_sum_of(r->stored, page_size) == page->base) {
        r->unchanged++;
        return true;
    }
    if (r->fd >= 0 && size == 0) {
        add_range(&r->past, page->offset, page_size);
        return true;
    }
    if (r->fd >= 0 && !read_here(r, page->offset, size))
        return false;
    if (r->fd >= 0 && memcmp(r->here, r->stored, size) == 0) {
        r->there++;
        return true;
    }
    if (r->fd >= 0 && spill_sum_of(r->here, page_size) != page->base)
        add_range(&r->changed, page->offset, size);
    r->pages = enough_room(r->pages, r->n, &r->room, sizeof *r->pages);
    r->pages[r->n++] = *page;
    return true;
}

bool restore_slot(struct restore *r, const struct spill_slot *slot)
{
    if (!r->stored)
        return false;
    if (spilled_pages(r->from, slot, judge, r))
        return true;
    return *r->problem ? false : refuse(r, "the spill file: %.200s", r->from->problem);
}

/* The order of the file. Of two copies of a page, the later slot's has its data further behind. */
static int by_offset(const void *a, const void *b)
{
    const struct spillpage *one = a, *other = b;
    if (one->offset != other->offset)
        return one->offset < other->offset ? -1 : 1;
    return one->at < other->at ? -1 : one->at > other->at;
}

/* A page is there twice where a range was mapped, unmapped and mapped again. */
static bool drop_doubles(struct restore *r, bool force)
{
    size_t kept = 0;
    uint32_t page_size = r->from->header.page_size;
    if (r->n)
        qsort(r->pages, r->n, sizeof *r->pages, by_offset);
    for (size_t i = 0; i < r->n; i++) {
        if (!kept || r->pages[kept - 1].offset != r->pages[i].offset) {
            r->pages[kept++] = r->pages[i];
            continue;
        }
        if (!spilled_read(r->from, r->pages[kept - 1].at, r->here) ||
            !spilled_read(r->from, r->pages[i].at, r->stored))
            return refuse(r, "the spill file: %.200s", r->from->problem);
        if (memcmp(r->here, r->stored, page_size) != 0 && !force)
            return refuse(r, "the spill file holds two different pages for offset %llu",
                          (unsigned long long)r->pages[i].offset);
        r->pages[kept - 1] = r->pages[i];
    }
    r->n = kept;
    return true;
}

bool restore_ready(struct restore *r, bool force)
{
    if (force && r->deleted)
        r->n = 0;
    if (r->fd < 0 && r->n == 0 && r->stored) { /* it is not needed */
        *r->problem = '\0';
        return true;
    }
    if (*r->problem || !drop_doubles(r, force))
        return false;
    for (size_t i = 0; i < r->n; i++)
        add_range(&r->todo, r->pages[i].offset, size_of(r, r->pages[i].offset));
    if (force)
        return true;
    if (r->past.n)
        return refuse(r, "it is %s bytes long now, and there are pages behind that (from %llu on)",
                      grouped(r->stat.st_size), (unsigned long long)r->past.at[0].offset);
    if (r->changed.n)
        return refuse(r, "it has been changed since, in %s place%s (at %llu)",
                      grouped((long long)r->changed.n), plural((long)r->changed.n),
                      (unsigned long long)r->changed.at[0].offset);
    return true;
}

/* Allocates all the space before anything is written: a file that is half written is worse than
 * one that is not. */
static bool reserve(struct restore *r)
{
    uint64_t left = ranges_bytes(&r->todo);
    for (size_t i = 0; i < r->todo.n; i++) {
        const struct range *run = &r->todo.at[i];
        int failed = 0;
        do {
            failed = fallocate(r->fd, FALLOC_FL_KEEP_SIZE, (off_t)run->offset, (off_t)run->len);
        } while (failed && errno == EINTR);
        if (failed && (errno == ENOSPC || errno == EDQUOT)) {
            int why = errno;
            struct statvfs fs;
            uint64_t room =
                why == ENOSPC && fstatvfs(r->fd, &fs) == 0 ? fs.f_bavail * fs.f_frsize : 0;
            return refuse(r, "%s: about %s bytes more are needed", strerror(why),
                          grouped((long long)(left > room ? left - room : run->len)));
        }
        if (failed && (errno == EOPNOTSUPP || errno == ENOSYS))
            return true; /* then the writing tells */
        if (failed)
            return refuse(r, "space cannot be reserved: %s", strerror(errno));
        left -= run->len;
    }
    return true;
}

static bool write_page(struct restore *r, const struct spillpage *page)
{
    struct stat now;
    size_t size = size_of(r, page->offset);
    if (!spilled_read(r->from, page->at, r->stored))
        return refuse(r, "the spill file: %.200s", r->from->problem);
    if (fstat(r->fd, &now) != 0 || now.st_size < r->stat.st_size)
        return refuse(r, "it became shorter while it was written to");
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(r->fd, r->stored + done, size - done, (off_t)(page->offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return refuse(r, "after %s bytes: %s", grouped((long long)r->written),
                          put ? strerror(errno) : "nothing more is taken");
        done += (size_t)put;
        r->written += (uint64_t)put;
    }
    return true;
}

bool restore_write(struct restore *r)
{
    if (r->fd < 0 || (r->n == 0 && r->there == 0))
        return true;
    if (!reserve(r))
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (!write_page(r, &r->pages[i]))
            return false;
    return fsync(r->fd) == 0 || refuse(r, "it could not be synced: %s", strerror(errno));
}
