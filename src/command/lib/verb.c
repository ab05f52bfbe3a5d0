/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * verb: what the verbs share: their words to the user, and how they are called.
 */
#define _GNU_SOURCE
#include "command/lib/verb.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/print.h"

/* How many letters one has to add or drop, whatever their order: a slip of the finger swaps
 * letters more often than it changes them. */
static int distance(const char *a, const char *b)
{
    int letters[UCHAR_MAX + 1] = { 0 };
    int sum = 0;
    for (; *a; a++)
        letters[(unsigned char)*a]++;
    for (; *b; b++)
        letters[(unsigned char)*b]--;
    for (int c = 0; c <= UCHAR_MAX; c++)
        sum += abs(letters[c]);
    return sum;
}

enum { MISTYPED_MOST = 2 }; /* letters of a verb that is mistyped; with more it is another word */

const struct verb *verb_find(const char *name, const struct verb **near)
{
    int least = MISTYPED_MOST + 1;
    *near = NULL;
    for (const struct verb *const *v = verbs; *v; v++) {
        if (strcmp((*v)->name, name) == 0)
            return *v;
        int d = distance((*v)->name, name);
        if (d < least) {
            least = d;
            *near = *v;
        }
    }
    return NULL;
}

void verb_print_help(const struct verb *v)
{
    printf("mapherd %s%s%s\n%s\n\n%s", v->name, *v->synopsis ? " " : "", v->synopsis, v->summary,
           v->help);
}

static void complain_of(const char *where, const char *format, va_list args, const char *advice)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    fprintf(stderr, "mapherd: %s%s", where, *where ? ": " : "");
    print_text(stderr, text ? text : format);
    fprintf(stderr, "%s\n", advice);
    free(text);
}

void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_of("", format, args, "");
    va_end(args);
}

int misused(const struct verb *v, const char *format, ...)
{
    char advice[64];
    va_list args;
    snprintf(advice, sizeof advice, "; see 'mapherd help %s'", v->name);
    va_start(args, format);
    complain_of(v->name, format, args, advice);
    va_end(args);
    return MISUSED;
}

static const char *dashes(const char *name)
{
    return name[1] ? "--" : "-";
}

static _Noreturn void unknown_flag(const struct verb *v, const struct flag *flags, const char *word)
{
    char known[200] = "";
    size_t len = 0;
    for (const struct flag *f = flags; f->name; f++)
        len +=
            (size_t)snprintf(known + len, sizeof known - len, "%s%s, ", dashes(f->name), f->name);
    exit(misused(v, "unknown option '%s'; known are %s--help", word, known));
}

/* Takes one flag and its value; returns how many words that were. */
static int take_flag(const struct verb *v, const struct flag *flags, char **words)
{
    const char *name = words[0] + strspn(words[0], "-");
    bool is_short = words[0][1] != '-';
    size_t len = strcspn(name, "=");
    const char *given = name[len] ? name + len + 1 : NULL;
    for (const struct flag *f = flags; f->name; f++) {
        if (strlen(f->name) != len || strncmp(f->name, name, len) != 0 || is_short != (len == 1))
            continue;
        if (f->on && given)
            exit(misused(v, "%s%s takes no value", dashes(f->name), f->name));
        if (f->on) {
            *f->on = true;
            return 1;
        }
        *f->value = given ? given : words[1];
        if (!*f->value)
            exit(misused(v, "%s%s needs a value", dashes(f->name), f->name));
        return given ? 1 : 2;
    }
    unknown_flag(v, flags, words[0]);
}

int verb_args(const struct verb *v, const struct flag *flags, int argc, char **argv)
{
    int operands = 0;
    bool flags_end = false;
    for (int i = 1; i < argc;) {
        const char *word = argv[i];
        if (flags_end || word[0] != '-' || !word[1]) {
            argv[operands++] = argv[i++];
        } else if (strcmp(word, "--") == 0) {
            flags_end = true;
            i++;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            verb_print_help(v);
            exit(DONE);
        } else {
            i += take_flag(v, flags, argv + i);
        }
    }
    return operands;
}

long verb_number(const struct verb *v, const char *flag, const char *text, long min, long max)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (*end || end == text || n < min || n > max)
        exit(misused(v, "%s '%s' is not a number from %ld on", flag, text, min));
    return n;
}

static bool read_span(const char *text, uint64_t *ms)
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

uint64_t verb_span(const struct verb *v, const char *flag, const char *text)
{
    uint64_t ms;
    if (!read_span(text, &ms))
        exit(misused(v, "%s '%s' is not a time: a number of seconds, or with s, m, h or d", flag,
                     text));
    return ms;
}
