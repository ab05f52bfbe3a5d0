/*
 * units: amounts and times in words, and from words.
 */
#define _GNU_SOURCE
#include "command/lib/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT 40

static char *next_buffer(void)
{
    static char buffers[4][TEXT];
    static unsigned turn;
    return buffers[turn++ % 4];
}

const char *units_bytes(uint64_t bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    char *text = next_buffer();
    double amount = (double)bytes;
    size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        amount /= 1024;
    snprintf(text, TEXT, unit && amount < 100 ? "%.1f %s" : "%.0f %s", amount, units[unit]);
    return text;
}

const char *units_span(uint64_t ms)
{
    char *text = next_buffer();
    unsigned long long s = ms / 1000, min = s / 60, h = min / 60, d = h / 24;
    if (d)
        snprintf(text, TEXT, h % 24 ? "%llu d %llu h" : "%llu d", d, h % 24);
    else if (h)
        snprintf(text, TEXT, min % 60 ? "%llu h %llu min" : "%llu h", h, min % 60);
    else if (min)
        snprintf(text, TEXT, "%llu min", min);
    else
        snprintf(text, TEXT, "%llu s", s);
    return text;
}

const char *units_between(uint64_t from_ms, uint64_t to_ms)
{
    return units_span(to_ms > from_ms ? to_ms - from_ms : 0);
}

const char *units_moment(uint64_t ms)
{
    char *text = next_buffer();
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    if (!localtime_r(&s, &tm) || strftime(text, TEXT, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
        snprintf(text, TEXT, "a time unknown");
    return text;
}

bool units_read_span(const char *text, uint64_t *ms)
{
    static const char letters[] = "smhd";
    static const unsigned seconds[] = { 1, 60, 3600, 86400 };
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno || n > UINT32_MAX)
        return false;
    const char *letter = *end ? strchr(letters, *end) : letters;
    if (!letter || (*end && end[1]))
        return false;
    *ms = n * seconds[letter - letters] * 1000;
    return true;
}
