/*
 * rules: see rules.h. The text is parsed at each use: it is short, so no parsed form of it is kept.
 */
#define _GNU_SOURCE
#include "common/rules.h"

#include <string.h>

#include "common/fmt.h"

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

bool rules_check(struct option_text text, const char *form, struct option_text *wrong,
                 struct option_text *near)
{
    struct option_text rule, glob, word;
    words_next(&text, ',', &rule);
    *wrong = rule;
    if (words_find(words_of(form), rule, near) < 0) {
        if (memchr(rule.at, '=', rule.len))
            wrong->len = 0; /* the word for all files is missing */
        return false;
    }
    while (words_next(&text, ',', &rule)) {
        bool whole = split(rule, &glob, &word);
        *wrong = (struct option_text){ rule.at, 0 };
        if (whole)
            *wrong = word;
        if (!whole || words_find(words_of(form), word, near) < 0)
            return false;
    }
    return true;
}
