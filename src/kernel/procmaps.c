/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * procmaps: a parser of /proc/PID/maps.
 */
#define _GNU_SOURCE
#include "kernel/procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <string.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/lock.h"
#include "kernel/sys.h"

bool procmaps_counts(const struct procmap *m)
{
    static const char gate[] = "[vsyscall]";
    return m->path_len != sizeof gate - 1 || memcmp(m->path, gate, m->path_len) != 0;
}

struct cursor {
    const char *at, *end;
};

static bool take_char(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_hex(struct cursor *c, uint64_t *value)
{
    uint64_t v = 0;
    const char *start = c->at;
    for (; c->at < c->end; c->at++) {
        char d = *c->at;
        if (d >= '0' && d <= '9')
            v = v << 4 | (uint64_t)(d - '0');
        else if (d >= 'a' && d <= 'f')
            v = v << 4 | (uint64_t)(d - 'a' + 10);
        else
            break;
    }
    *value = v;
    return c->at > start && c->at - start <= 16;
}

static bool take_dec(struct cursor *c, uint64_t *value)
{
    uint64_t v = 0;
    const char *start = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        v = v * 10 + (uint64_t)(*c->at - '0');
    *value = v;
    return c->at > start && c->at - start <= 20;
}

bool procmaps_parse(const char *line, size_t len, struct procmap *m)
{
    struct cursor c = { line, line + len };
    uint64_t start, end, major, minor;
    if (!take_hex(&c, &start) || !take_char(&c, '-') || !take_hex(&c, &end) || !take_char(&c, ' '))
        return false;
    if (c.end - c.at < 5 || c.at[4] != ' ')
        return false;
    m->read = c.at[0] == 'r';
    m->write = c.at[1] == 'w';
    m->exec = c.at[2] == 'x';
    m->shared = c.at[3] == 's';
    c.at += 5;
    if (!take_hex(&c, &m->offset) || !take_char(&c, ' ') || !take_hex(&c, &major) ||
        !take_char(&c, ':') || !take_hex(&c, &minor) || !take_char(&c, ' ') ||
        !take_dec(&c, &m->inode))
        return false;
    while (take_char(&c, ' '))
        ;
    m->start = (uintptr_t)start;
    m->end = (uintptr_t)end;
    m->dev_major = (unsigned)major;
    m->dev_minor = (unsigned)minor;
    m->path = c.at;
    m->path_len = (size_t)(c.end - c.at);
    return start < end;
}

static long scan_lines(int fd, char *buf, size_t size, procmaps_each *each, void *context)
{
    long lines = 0;
    size_t have = 0;
    for (;;) {
        long got = sys_read(fd, buf + have, size - have);
        if (got == -EINTR)
            continue;
        if (got < 0)
            return got;
        if (got == 0)
            return have ? -EINVAL : lines;
        have += (size_t)got;
        char *line = buf, *newline;
        while ((newline = memchr(line, '\n', have - (size_t)(line - buf)))) {
            struct procmap m;
            if (!procmaps_parse(line, (size_t)(newline - line), &m))
                return -EINVAL;
            *newline = '\0';
            lines++;
            if (!each(&m, context))
                return lines;
            line = newline + 1;
        }
        have -= (size_t)(line - buf);
        if (have == size)
            return -EINVAL; /* a line longer than the buffer */
        memmove(buf, line, have);
    }
}

long procmaps_scan(const char *path, char *buf, size_t size, procmaps_each *each, void *context)
{
    long fd = brief_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    long lines = scan_lines((int)fd, buf, size, each, context);
    brief_close((int)fd);
    return lines;
}

/* struct procmap_query of Linux 6.11, which older headers lack. */
struct query {
    uint64_t size, query_flags, query_addr;
    uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
    uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
    uint64_t vma_name_addr, build_id_addr;
};
#define QUERY _IOWR('f', 17, struct query) /* PROCFS_IOCTL_MAGIC */
enum {
    QUERY_OR_NEXT = 16,
    QUERY_READABLE = 1,
    QUERY_WRITABLE = 2,
    QUERY_EXECUTABLE = 4,
    QUERY_SHARED = 8
};

static long ask(int fd, uint64_t flags, uintptr_t addr, struct procmap *m, char *buf, size_t size)
{
    struct query q = { .size = sizeof q,
                       .query_flags = flags,
                       .query_addr = addr,
                       .vma_name_size = (uint32_t)size,
                       .vma_name_addr = (uintptr_t)buf };
    long answer = sys_ioctl(fd, QUERY, &q);
    if (answer < 0)
        return answer;
    *m = (struct procmap){
        .start = q.vma_start,
        .end = q.vma_end,
        .offset = q.vma_offset,
        .inode = q.inode,
        .dev_major = q.dev_major,
        .dev_minor = q.dev_minor,
        .read = q.vma_flags & QUERY_READABLE,
        .write = q.vma_flags & QUERY_WRITABLE,
        .exec = q.vma_flags & QUERY_EXECUTABLE,
        .shared = q.vma_flags & QUERY_SHARED,
        .path = buf,
        .path_len = q.vma_name_size ? q.vma_name_size - 1 : 0,
    };
    return 0;
}

long procmaps_ask(int fd, uintptr_t addr, struct procmap *m)
{
    return ask(fd, QUERY_OR_NEXT, addr, m, NULL, 0);
}

struct wanted {
    uintptr_t addr;
    struct procmap *m;
    bool found;
};

static bool is_wanted(const struct procmap *m, void *context)
{
    struct wanted *w = context;
    if (m->end <= w->addr)
        return true;
    w->found = m->start <= w->addr;
    *w->m = *m;
    return false;
}

long procmaps_at(const char *path, uintptr_t addr, struct procmap *m, char *buf, size_t size)
{
    long fd = brief_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd == -ENOENT ? -ENODEV : fd;
    long answer = ask((int)fd, 0, addr, m, buf, size);
    if (answer == -ENOTTY) {
        struct wanted w = { addr, m, false };
        answer = scan_lines((int)fd, buf, size, is_wanted, &w);
        if (answer >= 0)
            answer = w.found ? 0 : -ENOENT;
    }
    brief_close((int)fd);
    return answer;
}

long procmaps_limit(const char *path)
{
    char text[32];
    long fd = brief_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    long got = sys_read((int)fd, text, sizeof text - 1);
    brief_close((int)fd);
    if (got < 0)
        return got;
    text[got] = '\0';
    const char *at = text;
    uint64_t value;
    return fmt_read_u64(&at, &value) && value <= INT64_MAX ? (long)value : -EINVAL;
}

/* ---- gaps ---- */

/* The kernel gives no lower address by itself: vm.mmap_min_addr is 64 KiB. */
#define LOWEST (64UL << 10)

/* It is static because a call has just failed for want of memory. It takes none until it is
 * used. */
static char buffer[16UL << 10];
static struct lock buffer_lock = { .rank = LOCK_LAST };

void gaps_after_fork(void)
{
    lock_reset(&buffer_lock);
}

struct walk {
    uintptr_t end;
    size_t largest;
};

static bool step(const struct procmap *m, void *context)
{
    struct walk *w = context;
    if (procmaps_counts(m) && m->start > w->end && m->start - w->end > w->largest)
        w->largest = m->start - w->end;
    w->end = m->end;
    return true;
}

size_t gaps_largest(void)
{
    struct walk w = { LOWEST, 0 };
    if (!lock_try(&buffer_lock))
        return 0;
    long lines = procmaps_scan(PROCMAPS_SELF, buffer, sizeof buffer, step, &w);
    lock_drop(&buffer_lock);
    return lines > 0 ? w.largest : 0;
}
