/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fmt: text without stdio. Rules: no libc beyond the compiler's own, no static state.
 */
#define _GNU_SOURCE
#include "common/fmt.h"

#include <errno.h>
#include <string.h>

struct out {
    char *at;
    char *end; /* the place of the last NUL that fits */
};

static void put(struct out *o, const char *text, size_t len)
{
    size_t room = (size_t)(o->end - o->at);
    if (len > room)
        len = room;
    memcpy(o->at, text, len);
    o->at += len;
}

static void put_number(struct out *o, unsigned long value, unsigned base)
{
    char digits[24];
    size_t n = sizeof digits;
    do {
        digits[--n] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put(o, digits + n, sizeof digits - n);
}

static void put_signed(struct out *o, long value)
{
    if (value < 0)
        put(o, "-", 1);
    put_number(o, value < 0 ? 0UL - (unsigned long)value : (unsigned long)value, 10);
}

size_t fmt_va(char *buf, size_t size, const char *format, va_list args)
{
    struct out o = { buf, buf + size - 1 };
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            put(&o, f, 1);
            continue;
        }
        bool wide = false;
        f++;
        if (*f == 'l' || *f == 'z') {
            wide = true;
            f++;
        }
        switch (*f) {
        case 's': {
            const char *s = va_arg(args, const char *);
            if (!s)
                s = "(null)";
            put(&o, s, strlen(s));
            break;
        }
        case 'c': {
            char c = (char)va_arg(args, int);
            put(&o, &c, 1);
            break;
        }
        case 'd': put_signed(&o, wide ? va_arg(args, long) : va_arg(args, int)); break;
        case 'u':
            put_number(&o, wide ? va_arg(args, unsigned long) : va_arg(args, unsigned), 10);
            break;
        case 'x':
            put_number(&o, wide ? va_arg(args, unsigned long) : va_arg(args, unsigned), 16);
            break;
        case '%': put(&o, "%", 1); break;
        default: /* unknown, and so are the types of the arguments: the rest is copied */
            put(&o, f - 1, strlen(f - 1));
            goto done;
        }
    }
done:
    *o.at = '\0';
    return (size_t)(o.at - buf);
}

size_t fmt(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t n = fmt_va(buf, size, format, args);
    va_end(args);
    return n;
}

bool fmt_read_hex(const char **text, uint64_t *value)
{
    const char *at = *text;
    uint64_t number = 0;
    for (;; at++) {
        int digit = *at >= '0' && *at <= '9'   ? *at - '0'
                    : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10
                                               : -1;
        if (digit < 0)
            break;
        if (number >> 60)
            return false;
        number = number << 4 | (uint64_t)digit;
    }
    if (at == *text)
        return false;
    *text = at;
    *value = number;
    return true;
}

bool fmt_read_u64(const char **text, uint64_t *value)
{
    const char *t = *text;
    uint64_t v = 0;
    if (*t < '0' || *t > '9')
        return false;
    for (; *t >= '0' && *t <= '9'; t++) {
        unsigned digit = (unsigned)(*t - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *text = t;
    *value = v;
    return true;
}

bool fmt_glob(const char *pattern, size_t pattern_len, const char *text)
{
    const char *end = pattern + pattern_len;
    const char *star = NULL, *after = NULL; /* the last * seen, and where its match began */
    for (;;) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            after = text;
        } else if (pattern < end && *text && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (pattern == end && !*text) {
            return true;
        } else if (star && *after) {
            pattern = star;
            text = ++after;
        } else {
            return false;
        }
    }
}

/* ---- why a call has failed ---- */

const char *reason_of(long error)
{
    switch (error) {
    case ENOSPC: return "there is no space for it";
    case EDQUOT: return "the quota is used up";
    case EFBIG: return "the limit on the size of files is in the way (ulimit -f)";
    case EEXIST: return "something is there already";
    case ELOOP: return "a symbolic link is there";
    case ENOENT:
    case ENOTDIR: return "no such folder";
    case EACCES:
    case EPERM:
    case EROFS: return "it may not be written to";
    case EOPNOTSUPP: return "its filesystem cannot allocate space in advance";
    case EMFILE:
    case ENFILE: return "no descriptor is left";
    case ENOMEM: return "no memory, or no map, is left for it";
    default: return "the kernel refuses";
    }
}
