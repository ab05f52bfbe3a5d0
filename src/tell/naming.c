/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * naming: see naming.h.
 */
#define _GNU_SOURCE
#include "tell/naming.h"

#include <fcntl.h>
#include <time.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/sys.h"

void naming_host(char *out, size_t size)
{
    long fd = brief_open("/proc/sys/kernel/hostname", O_RDONLY, 0);
    long len = fd < 0 ? fd : sys_read((int)fd, out, size - 1);
    if (fd >= 0)
        brief_close((int)fd);
    size_t n = 0;
    for (; len > 0 && n < (size_t)len && out[n] > ' ' && out[n] < 0x7f; n++)
        if (out[n] == '/')
            out[n] = '?';
    if (!n && size > 1)
        out[n++] = '?';
    out[n] = '\0';
}

static size_t expand_code(char *out, size_t size, char code, const char *program, long pid)
{
    switch (code) {
    case 'p': return fmt(out, size, "%ld", pid);
    case 'e': return fmt(out, size, "%s", program);
    case 't': return fmt(out, size, "%ld", (long)date_now());
    default: {
        char host[64];
        naming_host(host, sizeof host);
        return fmt(out, size, "%s", host);
    }
    }
}

size_t naming_expand(char *out, size_t size, struct option_text form, const char *program, long pid)
{
    size_t at = 0;
    for (size_t i = 0; i < form.len && at < size - 1; i++) {
        char code = form.at[i] == '%' && i + 1 < form.len ? form.at[i + 1] : '\0';
        if (code == 'p' || code == 'e' || code == 't' || code == 'h') {
            at += expand_code(out + at, size - at, code, program, pid);
            i++;
        } else {
            out[at++] = form.at[i];
        }
    }
    out[at] = '\0';
    return at;
}

/* ---- dates ---- */

/* The arithmetic is that of the proleptic Gregorian calendar, in years that begin in March: so the
 * additional day of a leap year is its last. */

#define DAY 86400

static char *digits(char *to, unsigned value, unsigned count)
{
    for (unsigned i = count; i--; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + count;
}

struct date date_text(uint64_t seconds)
{
    unsigned second = (unsigned)(seconds % DAY);
    unsigned days = (unsigned)(seconds / DAY) + 719468;   /* since 0000-03-01 */
    unsigned era = days / 146097, of_era = days % 146097; /* 400 years have 146,097 days */
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned from_march = (5 * of_year + 2) / 153;
    unsigned day = of_year - (153 * from_march + 2) / 5 + 1;
    unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;
    struct date d;
    char *at = digits(d.text, era * 400 + year + (month <= 2), 4);
    *at++ = '-';
    at = digits(at, month, 2);
    *at++ = '-';
    at = digits(at, day, 2);
    *at++ = 'T';
    at = digits(at, second / 3600, 2);
    *at++ = ':';
    at = digits(at, second / 60 % 60, 2);
    *at++ = ':';
    at = digits(at, second % 60, 2);
    *at++ = 'Z';
    *at = '\0';
    return d;
}

uint64_t date_now(void)
{
    return sys_clock_ns(CLOCK_REALTIME) / 1000000000;
}
