/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * print: see print.h.
 */
#define _GNU_SOURCE
#include "command/lib/print.h"

#include <string.h>

/* ---- text ---- */

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void print_text(FILE *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        putc(*c < ' ' || *c == 0x7f ? '?' : *c, out);
}

/* How many bytes the character at s has, 0 if it is not UTF-8 (RFC 3629, table 3-7 of Unicode). */
static int utf8_len(const unsigned char *s)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second */
        int len;
    } forms[] = {
        { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (s[0] < forms[f].first || s[0] > forms[f].last)
            continue;
        if (forms[f].len > 1 && (s[1] < forms[f].low || s[1] > forms[f].high))
            return 0;
        for (int i = 2; i < forms[f].len; i++)
            if ((s[i] & 0xc0) != 0x80)
                return 0;
        return forms[f].len;
    }
    return 0;
}

void print_html(FILE *out, const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int len = utf8_len(s);
        if (len == 0 || *s < ' ' || *s == 0x7f)
            fputs("\357\277\275", out);
        else if (strchr("<>&\"'", *s))
            fprintf(out, "&#%d;", *s);
        else
            fwrite(s, 1, (size_t)len, out);
        s += len ? len : 1;
    }
}

void print_quoted(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-+=./,:@%";
    if (*word && !word[strspn(word, plain)]) {
        fputs(word, out);
        return;
    }
    putc('\'', out);
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\''", out);
        else
            putc(*word, out);
    }
    putc('\'', out);
}

/* ---- numbers, amounts and times in words ---- */

const char *grouped(long long n)
{
    static char buffers[4][32];
    static unsigned turn;
    char digits[24];
    char *text = buffers[turn++ % 4];
    char *to = text;
    int len = snprintf(digits, sizeof digits, "%lld", n);
    for (int i = 0; i < len; i++) {
        *to++ = digits[i];
        int left = len - 1 - i;
        if (left && left % 3 == 0 && digits[i] != '-')
            *to++ = ',';
    }
    *to = '\0';
    return text;
}

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

uint64_t units_now(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- JSON ---- */

static void put_string(FILE *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    putc('"', out);
    while (*s) {
        int len = utf8_len(s);
        if (len == 0)
            fputs("\\ufffd", out);
        else if (*s < ' ' || *s == 0x7f || *s == '<')
            fprintf(out, "\\u%04x", *s);
        else if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else
            fwrite(s, 1, (size_t)len, out);
        s += len ? len : 1;
    }
    putc('"', out);
}

/* What stands before a value. */
static void put_key(struct json *j, const char *key)
{
    if (j->comma)
        putc(',', j->out);
    j->comma = true;
    if (key) {
        put_string(j->out, key);
        putc(':', j->out);
    }
}

void json_open(struct json *j, const char *key, char bracket)
{
    put_key(j, key);
    putc(bracket, j->out);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    putc(bracket, j->out);
    j->comma = true;
}

void json_text(struct json *j, const char *key, const char *text)
{
    put_key(j, key);
    put_string(j->out, text);
}

void json_number(struct json *j, const char *key, long long n)
{
    put_key(j, key);
    fprintf(j->out, "%lld", n);
}

void json_bool(struct json *j, const char *key, bool is)
{
    put_key(j, key);
    fputs(is ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
    put_key(j, key);
    fputs("null", j->out);
}

void json_if_text(struct json *j, const char *key, const char *text)
{
    if (*text)
        json_text(j, key, text);
    else
        json_null(j, key);
}

void json_if_known(struct json *j, const char *key, bool known, long long n)
{
    if (known)
        json_number(j, key, n);
    else
        json_null(j, key);
}
