/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * jitmap: see jitmap.h.
 *
 * The text is read byte by byte, in pieces, and trusted in nothing: a line that is none is passed
 * over.
 */
#define _GNU_SOURCE
#include "unwind/jitmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fmt.h"
#include "common/given.h"
#include "kernel/brief.h"
#include "kernel/sys.h"

/* A JIT appends to its file, so what runs now is near the end. The thread that has raised SIGBUS
 * waits for the reading, and others may wait for that thread: about 10 ms, once in EVERY_MS. */
enum { BYTES_MOST = 1 << 20, EVERY_MS = 10000, NAMES_MOST = 32, DIGITS_MOST = 16 };

static int64_t began_s;   /* s since 1970 */
static uid_t user;        /* effective, at the start */
static uint64_t next_ms;  /* no file is read before */
static long busy;         /* the process of which a thread looks; 0: none */
static char piece[16384]; /* belongs to the one that has set busy */

void jitmap_start(void)
{
    began_s = (int64_t)(sys_clock_ns(CLOCK_REALTIME_COARSE) / 1000000000);
    /* A seccomp filter that the program was started with may kill for geteuid(2). */
    user = (uid_t)given_value(AT_EUID);
}

/* ---- lines ---- */

struct line {
    enum { IN_START, IN_SIZE, IN_NAME, IN_NOTHING } part;
    unsigned digits;
    uint64_t start, number; /* number: the one that is being read */
    uint32_t wanted;        /* bit i: the line is that of names[i] */
    size_t len;             /* of the name */
};

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The size is known: the name is read if the line is that of a wanted address. */
static void begin_name(struct line *l, struct jitmap_name *names, size_t n)
{
    l->wanted = 0;
    for (size_t i = 0; i < n; i++)
        if (names[i].pc >= l->start && names[i].pc - l->start < l->number) {
            l->wanted |= 1u << i;
            names[i].text[0] = '\0';
        }
    l->part = l->wanted ? IN_NAME : IN_NOTHING;
    l->len = 0;
}

static void take_of_name(struct line *l, char c, struct jitmap_name *names, size_t n)
{
    if (l->len + 1 >= sizeof names->text)
        return;
    for (size_t i = 0; i < n; i++)
        if (l->wanted >> i & 1) {
            names[i].text[l->len] = (unsigned char)c <= ' '    ? '_'
                                    : (unsigned char)c >= 0x7f ? '?'
                                                               : c;
            names[i].text[l->len + 1] = '\0';
        }
    l->len++;
}

static void take_of_number(struct line *l, char c, struct jitmap_name *names, size_t n)
{
    int value = digit(c);
    if (value >= 0 && l->digits < DIGITS_MOST) {
        l->number = l->number << 4 | (unsigned)value;
        l->digits++;
    } else if (c == 'x' && l->digits == 1 && l->number == 0) {
        l->digits = 0; /* 0x */
    } else if (c != ' ' || !l->digits) {
        l->part = IN_NOTHING;
    } else if (l->part == IN_START) {
        l->start = l->number;
        l->part = IN_SIZE;
        l->digits = 0;
        l->number = 0;
    } else {
        begin_name(l, names, n);
    }
}

static void take(struct line *l, char c, struct jitmap_name *names, size_t n)
{
    if (c == '\n')
        *l = (struct line){ .part = IN_START };
    else if (l->part == IN_NAME)
        take_of_name(l, c, names, n);
    else if (l->part != IN_NOTHING)
        take_of_number(l, c, names, n);
}

/* ---- the file ---- */

/* The descriptor, or -errno. *size: of the file. */
static long open_map(uint64_t *size)
{
    struct stat st;
    *size = 0;
    char path[64];
    fmt(path, sizeof path, "/tmp/perf-%ld.map", sys_getpid());
    long fd = brief_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    if (sys_fstat((int)fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (st.st_uid == user || st.st_uid == 0) && !(st.st_mode & S_IWOTH) &&
        st.st_mtim.tv_sec >= began_s) {
        *size = (uint64_t)st.st_size;
        return fd;
    }
    brief_close((int)fd);
    return -EPERM;
}

/* What the parent of a fork was about is nothing to its child. */
static bool take_turn(void)
{
    long self = sys_getpid(), other = __atomic_load_n(&busy, __ATOMIC_RELAXED);
    return other != self && __atomic_compare_exchange_n(&busy, &other, self, false,
                                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void jitmap_find(struct jitmap_name *names, size_t n)
{
    struct line line = { .part = IN_START };
    if (n > NAMES_MOST)
        n = NAMES_MOST;
    for (size_t i = 0; i < n; i++)
        names[i].text[0] = '\0';
    if (!n || !take_turn())
        return;
    uint64_t now = sys_now_ms(), size = 0;
    long got = 0, fd = now < next_ms ? -EAGAIN : open_map(&size);
    uint64_t at = size > BYTES_MOST ? size - BYTES_MOST : 0;
    if (fd >= 0)
        next_ms = now + EVERY_MS;
    line.part = at ? IN_NOTHING : IN_START;
    for (; fd >= 0 && at < size; at += (uint64_t)got) {
        got = sys_pread((int)fd, piece, sizeof piece, (off_t)at);
        if (got <= 0)
            break;
        for (long i = 0; i < got; i++)
            take(&line, piece[i], names, n);
    }
    if (fd >= 0)
        brief_close((int)fd);
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}
