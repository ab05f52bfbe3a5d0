/*
 * print: text for people, shells and programs.
 */
#define _GNU_SOURCE
#include "command/lib/print.h"

#include <string.h>

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
