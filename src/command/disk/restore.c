/*
 * restore: see restore.h.
 *
 * Rules: A path is looked at before it is opened, because opening a device can have an effect. What
 * the file has now is compared before it is overwritten. Nothing is written past its end.
 */
#define _GNU_SOURCE
#include "command/disk/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/watch/pieces.h"
#include "command/watch/target.h"

__attribute__((format(printf, 2, 3))) static bool refuse(struct restore *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->problem, sizeof r->problem, format, args);
    va_end(args);
    return false;
}

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

static int open_again(int place, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    return open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
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
    int reader = open_again(place, O_RDONLY);
    if (reader < 0)
        return refuse(r, "it cannot be opened: %s", strerror(errno));
    bool busy = maker_writes(reader);
    close(reader);
    return !busy || force || refuse(r, "a process has it open for writing; end that first");
}

void restore_open(struct restore *r, struct spilled *from, const struct spill_slot *slot,
                  const char *path, bool force)
{
    *r = (struct restore){ .path = path, .from = from, .fd = -1 };
    r->here = malloc(2 * SPILLED_MOST_PAGE);
    if (!r->here) {
        refuse(r, "no memory");
        return;
    }
    r->stored = r->here + SPILLED_MOST_PAGE;
    int place = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (place < 0) {
        refuse(r, "%s", strerror(errno));
        r->deleted = errno == ENOENT && pieces_deleted(path);
        if (r->deleted)
            refuse(r, "it had no name any more when it was mapped; --force gives its pages up");
        return;
    }
    if (is_fit(r, slot, place, force)) {
        r->another_device = r->stat.st_dev != slot->dev;
        r->fd = open_again(place, O_RDWR);
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
    memset(r->here, 0, r->from->header.page_size);
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(r->fd, r->here + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse(r, "it cannot be read at %llu: %s", (unsigned long long)(offset + done),
                          strerror(errno));
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return true;
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
