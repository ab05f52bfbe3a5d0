/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * options: the options in the environment, and the words, numbers and globs that they consist of.
 *
 * The input is an environment, a string a line. Each string is also read as one value of each form.
 */
#include "tell/options.h"

#include <ctype.h>
#include <limits.h>

#include "common/fmt.h"
#include "common/words.h"
#include "fakesys.h"
#include "fuzz.h"

enum { LINES = 40, GLOB_MOST = 24 };

static unsigned complaints;

static void count_complaint(const char *line)
{
    holds(strlen(line) < 400);
    complaints++;
}

/* fmt_glob, as it can be understood. */
static bool matches(const char *pattern, size_t len, const char *text)
{
    if (!len)
        return !*text;
    if (*pattern == '*')
        return matches(pattern + 1, len - 1, text) || (*text && matches(pattern, len, text + 1));
    if (fuzz_broken() && *pattern == '?' && *text == 'q')
        return false;
    return *text && (*pattern == '?' || *pattern == *text) &&
           matches(pattern + 1, len - 1, text + 1);
}

/* The line is a glob, a ' ' and a text, or a list of globs. */
static void check_globs(const char *line)
{
    const char *cut = strchr(line, ' ');
    if (!cut || cut - line > GLOB_MOST || strlen(cut + 1) > GLOB_MOST)
        return;
    struct option_text list = { line, (size_t)(cut - line) }, glob;
    bool any = false;
    holds(fmt_glob(line, list.len, cut + 1) == matches(line, list.len, cut + 1));
    for (struct option_text rest = list; words_next(&rest, ',', &glob);)
        any |= glob.len && matches(glob.at, glob.len, cut + 1);
    holds(options_glob_list(list, cut + 1) == any);
}

/* The number that the text is, as strtoull(3) sees it; -1 if it is no plain number up to most. */
static int64_t plain_number(struct option_text t, uint64_t most)
{
    char digits[24];
    size_t n = 0;
    while (n < t.len && t.at[n] == '0' && n + 1 < t.len)
        n++;
    struct option_text rest = { t.at + n, t.len - n };
    if (!rest.len || rest.len > 19)
        return -1;
    for (n = 0; n < rest.len; n++)
        if (!isdigit((unsigned char)rest.at[n]))
            return -1;
    memcpy(digits, rest.at, rest.len);
    digits[rest.len] = '\0';
    unsigned long long value = strtoull(digits, NULL, 10);
    return value <= most ? (int64_t)value : -1;
}

static void check_numbers(struct option_text t)
{
    int percents[4], n = options_percents(t, percents, 4);
    holds(options_status(t) == plain_number(t, 255));
    holds(options_number(t) == plain_number(t, 86400000));
    holds(options_limit(t) == (plain_number(t, INT32_MAX) > 0 ? plain_number(t, INT32_MAX) : -1));
    holds(options_depth(t) >= -1 && options_depth(t) <= 64 && options_depth(t) != 0);
    holds(n >= -1 && n <= 4);
    for (int i = 0; i < n; i++)
        holds(percents[i] > 0 && percents[i] <= 100 && (!i || percents[i - 1] < percents[i]));
    for (long limit = 1; limit > 0 && limit < INT32_MAX; limit *= 37)
        holds(options_reserve(t, limit) >= -1 && options_reserve(t, limit) <= limit / 2 + 1);
    int64_t size = options_size(t), plain = plain_number(t, INT64_MAX);
    holds(size >= -1);
    holds(plain < 0 || size == plain);
    if (size >= 0)
        holds(options_share(t, 1000) == size);
    if (t.len && t.at[t.len - 1] == '%')
        for (int64_t total = 1; total < INT64_MAX / 1000; total *= 991)
            holds(options_share(t, total) >= -1 && options_share(t, total) <= total);
}

static void check_words(struct option_text a)
{
    static const char form[] = PREALLOC_WORDS "[,GLOB=WORD,...]";
    struct option_text words = words_text(PREALLOC_WORDS), near = words_text("x"), wrong;
    unsigned d = words_distance(a, words);
    holds(d == words_distance(words, a) && (d == 0) == words_equal(a, words));
    int exact = words_find(words, a, &near), chosen = words_choose(words, a, &near);
    holds(exact >= -1 && exact < 3 && chosen >= -1 && chosen < 3);
    holds(exact < 0 || chosen == exact);
    holds(near.len > 0 && near.len <= WORD_MAX);
    if (!rules_check(a, form, &wrong, &near)) {
        holds(wrong.at >= a.at && wrong.at + wrong.len <= a.at + a.len);
        return;
    }
    size_t len = rules_write(a, form, NULL);
    char *out = malloc(len + 1);
    holds(out && rules_write(a, form, out) == len);
    out[len] = '\0';
    struct option_text written = { out, len };
    holds(rules_check(written, form, &wrong, &near) && rules_write(written, form, NULL) == len);
    holds(rules_ask_path(written) == (memchr(out, '=', len) != NULL));
    for (const char *path = "/data/x.log"; *path; path++) {
        int number = rules_choose(written, path, form);
        holds(number >= 0 && number < 3);
        holds(rules_name(written, path) || number == rules_choose(written, NULL, form));
    }
    free(out);
}

/* What the options hold now is of the form that the table says. */
static void check_options(void)
{
    for (size_t n = 0; n < option_count; n++) {
        struct option_row row = option_row(n);
        const char *at = (const char *)&options + row.field;
        if (row.check) {
            const struct option_text *t = (const struct option_text *)at;
            holds(row.check(*t, row.form));
            holds(t->len <= OPTIONS_TEXT_MAX && !memchr(t->at, '\0', t->len));
        } else {
            int value = *(const int *)at, words = 1;
            for (const char *c = row.form; *c; c++)
                words += *c == '|';
            holds(value >= 0 && value < words);
        }
    }
}

/* options_check takes what options_read takes. */
static void check_one(char *line)
{
    char why[400] = "", lower[WORD_MAX + 1] = "";
    const char *equals = strchr(line, '=');
    if (strncmp(line, "MAPHERD_", 8) != 0 || !equals || equals < line + 8)
        return;
    size_t len = (size_t)(equals - line - 8);
    if (len > WORD_MAX)
        return;
    for (size_t i = 0; i < len; i++)
        lower[i] =
            line[8 + i] >= 'A' && line[8 + i] <= 'Z' ? (char)(line[8 + i] | 32) : line[8 + i];
    if (strcmp(lower, "options") == 0 || strcmp(lower, "library") == 0)
        return;
    char *environment[] = { line, NULL };
    bool good = options_check(words_text(lower), words_text(equals + 1), why, sizeof why);
    complaints = 0;
    options_read(environment, count_complaint);
    holds(strlen(equals + 1) > OPTIONS_TEXT_MAX || good == (complaints == 0));
    holds(good || *why);
    check_options();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, data + size };
    char *environment[LINES + 1];
    int n = 0;
    static struct options defaults;
    static bool begun;
    if (!begun)
        defaults = options;
    begun = true;
    fake_reset();
    while (n < LINES && in.at < in.end)
        environment[n++] = fuzz_string(&in, '\n');
    environment[n] = NULL;
    options = defaults;
    options_read(environment, count_complaint);
    check_options();
    for (int i = 0; i < n; i++) {
        options = defaults;
        check_one(environment[i]);
        check_globs(environment[i]);
        check_numbers(words_text(environment[i]));
        check_words(words_text(environment[i]));
        const char *equals = strchr(environment[i], '=');
        if (equals) {
            check_numbers(words_text(equals + 1));
            check_words(words_text(equals + 1));
        }
    }
    options = defaults; /* the strings go */
    for (int i = 0; i < n; i++)
        free(environment[i]);
    return 0;
}
