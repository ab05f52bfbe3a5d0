/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * words: see words.h.
 */
#define _GNU_SOURCE
#include "common/words.h"

#include <string.h>

#include "common/fmt.h"

struct option_text words_text(const char *s)
{
    return (struct option_text){ s, strlen(s) };
}

bool words_equal(struct option_text a, struct option_text b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool words_next(struct option_text *rest, char separator, struct option_text *piece)
{
    if (!rest->at)
        return false;
    const char *cut = memchr(rest->at, separator, rest->len);
    size_t len = cut ? (size_t)(cut - rest->at) : rest->len;
    *piece = (struct option_text){ rest->at, len };
    rest->at = cut ? cut + 1 : NULL;
    rest->len -= cut ? len + 1 : len;
    return true;
}

unsigned words_distance(struct option_text a, struct option_text b)
{
    unsigned row[WORD_MAX + 1];
    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return 2 * WORD_MAX;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        unsigned corner = row[0]++;
        for (size_t j = 0; j < b.len; j++) {
            unsigned best = corner + (a.at[i] != b.at[j]);
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[b.len];
}

int words_find(struct option_text words, struct option_text value, struct option_text *near)
{
    struct option_text word;
    unsigned least = ~0U;
    for (int n = 0; words_next(&words, '|', &word); n++) {
        if (words_equal(word, value))
            return n;
        unsigned d = words_distance(word, value);
        if (d < least) {
            least = d;
            *near = word;
        }
    }
    return -1;
}

static char small_letter(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* True if the two have the same letters, of either case. */
static bool is_alike(struct option_text a, struct option_text b)
{
    size_t n = 0;
    while (n < a.len && n < b.len && small_letter(a.at[n]) == small_letter(b.at[n]))
        n++;
    return n == a.len && n == b.len;
}

/* Returns the number of the word in the list that value is in letters of either case, or -1. */
static int find_alike(struct option_text words, struct option_text value, struct option_text *found)
{
    for (int n = 0; words_next(&words, '|', found); n++)
        if (is_alike(*found, value))
            return n;
    return -1;
}

enum word_sense words_sense(struct option_text value)
{
    struct option_text word;
    if (find_alike(words_text("on|true|yes|1|enable|enabled"), value, &word) >= 0)
        return SENSE_YES;
    if (find_alike(words_text("off|false|no|0|disable|disabled|none"), value, &word) >= 0)
        return SENSE_NO;
    return SENSE_NONE;
}

int words_choose(struct option_text words, struct option_text value, struct option_text *near)
{
    /* The first is what a value of the sense means, if it is one of the words; the others are what
     * its author may want instead. */
    struct option_text kin = words_text("on|auto|protect"), word;
    enum word_sense sense = words_sense(value);
    int number = find_alike(words, value, near);
    if (number >= 0 || sense == SENSE_NONE)
        return number >= 0 ? number : words_find(words, value, near);
    if (sense == SENSE_NO)
        kin = words_text("off|plain|observe");
    for (bool first = true; words_next(&kin, '|', &word); first = false) {
        number = find_alike(words, word, near);
        if (number >= 0)
            return first ? number : -1;
    }
    return words_find(words, value, near);
}

/* ---- rules ---- */

/* The text is parsed at each use: it is short, so no parsed form of it is kept. */

static struct option_text words_of(const char *form)
{
    return (struct option_text){ form, strcspn(form, "[") };
}

/* Splits GLOB=WORD at its last '='. */
static bool split(struct option_text rule, struct option_text *glob, struct option_text *word)
{
    for (size_t n = rule.len; n > 1; n--) {
        if (rule.at[n - 1] == '=') {
            *glob = (struct option_text){ rule.at, n - 1 };
            *word = (struct option_text){ rule.at + n, rule.len - n };
            return true;
        }
    }
    return false;
}

/* The word of the first glob that matches; false, and the word for all files, if none does. */
static bool find(struct option_text text, const char *path, struct option_text *word)
{
    struct option_text rule, glob, own;
    words_next(&text, ',', word);
    while (path && words_next(&text, ',', &rule)) {
        if (split(rule, &glob, &own) && fmt_glob(glob.at, glob.len, path)) {
            *word = own;
            return true;
        }
    }
    return false;
}

int rules_choose(struct option_text text, const char *path, const char *form)
{
    struct option_text word, near;
    find(text, path, &word);
    return words_find(words_of(form), word, &near);
}

bool rules_name(struct option_text text, const char *path)
{
    struct option_text word;
    return find(text, path, &word);
}

bool rules_ask_path(struct option_text text)
{
    return memchr(text.at, '=', text.len) != NULL;
}

/* Writes a piece at *len, unless out is NULL, and adds its length. */
static void append(char *out, size_t *len, struct option_text piece)
{
    if (out)
        memcpy(out + *len, piece.at, piece.len);
    *len += piece.len;
}

/* The word of the form that value means. */
static struct option_text word_of(const char *form, struct option_text value)
{
    struct option_text words = words_of(form), near, word = value;
    for (int n = words_choose(words, value, &near); n >= 0 && words_next(&words, '|', &word); n--)
        ;
    return word;
}

size_t rules_write(struct option_text text, const char *form, char *out)
{
    struct option_text rule, glob, word;
    size_t len = 0;
    words_next(&text, ',', &rule);
    append(out, &len, word_of(form, rule));
    while (words_next(&text, ',', &rule) && split(rule, &glob, &word)) {
        append(out, &len, words_text(","));
        append(out, &len, glob);
        append(out, &len, words_text("="));
        append(out, &len, word_of(form, word));
    }
    return len;
}

bool rules_check(struct option_text text, const char *form, struct option_text *wrong,
                 struct option_text *near)
{
    struct option_text rule, glob, word;
    words_next(&text, ',', &rule);
    *wrong = rule;
    if (words_choose(words_of(form), rule, near) < 0) {
        if (memchr(rule.at, '=', rule.len))
            wrong->len = 0; /* the word for all files is missing */
        return false;
    }
    while (words_next(&text, ',', &rule)) {
        bool whole = split(rule, &glob, &word);
        *wrong = (struct option_text){ rule.at, 0 };
        if (whole)
            *wrong = word;
        if (!whole || words_choose(words_of(form), word, near) < 0)
            return false;
    }
    return true;
}
