/*
 * procmaps: a parser of /proc/PID/maps.
 */
#define _GNU_SOURCE
#include "model/procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fmt.h"
#include "base/sys.h"

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

/* An open descriptor where no program looks for its own. */
static long open_high(const char *path)
{
    enum { HIGH = 512 };
    long fd = sys_open(path, O_RDONLY, 0);
    if (fd < 0 || fd >= HIGH)
        return fd;
    long high = sys_fcntl((int)fd, F_DUPFD_CLOEXEC, HIGH);
    if (high < 0)
        return fd;
    sys_close((int)fd);
    return high;
}

static long read_lines(int fd, char *buf, size_t size, procmaps_each *each, void *context)
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

long procmaps_read(const char *path, char *buf, size_t size, procmaps_each *each, void *context)
{
    long fd = open_high(path);
    if (fd < 0)
        return fd;
    long lines = read_lines((int)fd, buf, size, each, context);
    sys_close((int)fd);
    return lines;
}

long procmaps_limit(const char *path)
{
    char text[32];
    long fd = sys_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    long got = sys_read((int)fd, text, sizeof text - 1);
    sys_close((int)fd);
    if (got < 0)
        return got;
    text[got] = '\0';
    const char *at = text;
    uint64_t value;
    return fmt_read_u64(&at, &value) && value <= INT64_MAX ? (long)value : -EINVAL;
}
