/*
 * spilled: see spilled.h.
 *
 * Rules: A page that has a sum has to be there; otherwise the file was cut short. Holes are
 * skipped, so that the time to read depends on what is stored, and not on what the slots claim.
 */
#define _GNU_SOURCE
#include "command/disk/spilled.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUMS_AT_ONCE 512

__attribute__((format(printf, 2, 3))) static bool refuse(struct spilled *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->problem, sizeof s->problem, format, args);
    va_end(args);
    return false;
}

/* Reads len bytes, or says in problem why it cannot. */
static bool read_at(struct spilled *s, void *buf, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(s->fd, (char *)buf + done, len - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse(s, "it cannot be read at %llu: %s", (unsigned long long)(at + done),
                          strerror(errno));
        if (got == 0)
            return refuse(s, "it ends at %llu, and should not", (unsigned long long)(at + done));
        done += (size_t)got;
    }
    return true;
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
    if (h->page_size < 4096 || h->page_size > SPILLED_MOST_PAGE ||
        (h->page_size & (h->page_size - 1)))
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
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t size =
        (size_t)s->stat.st_size < sizeof nothing ? (size_t)s->stat.st_size : sizeof nothing;
    return strncmp(name, SPILL_NAME_PREFIX, sizeof SPILL_NAME_PREFIX - 1) == 0 &&
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

bool spilled_pages(struct spilled *s, const struct spill_slot *slot,
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

bool spilled_read(struct spilled *s, uint64_t at, void *buf)
{
    return read_at(s, buf, s->header.page_size, at);
}
