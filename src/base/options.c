/*
 * options: the parser of the one table. It runs in the constructor: no allocation, no stdio.
 */
#define _GNU_SOURCE
#include "base/options.h"

#include <string.h>

#include "base/fmt.h"

#define NAME_MAX_LEN 40 /* longer names and words are not near to anything */

struct options options = {
#define CHOICE(name, NAME, fallback, words, help) .name = (fallback),
#define TEXT(name, NAME, fallback, form, check, help) .name = { (fallback), sizeof(fallback) - 1 },
#include "base/options.def"
#undef CHOICE
#undef TEXT
};

static bool is_any(struct option_text t)
{
    (void)t;
    return true;
}

static bool is_text(struct option_text t)
{
    return t.len > 0;
}

/* Absolute: the program may change its folder. Its length is metrics.c's limit. */
static bool is_folder(struct option_text t)
{
    return !t.len || (t.at[0] == '/' && t.len < 500);
}

static bool are_percents(struct option_text t)
{
    return options_percents(t, NULL, 0) >= 0;
}

static bool is_reserve(struct option_text t)
{
    return options_reserve(t, 100) >= 0;
}

struct table_row {
    const char *name, *env, *form, *help, *fallback;
    size_t field;
    int number; /* of a choice's default word */
    bool (*check)(struct option_text);
};

static const struct table_row table[] = {
#define CHOICE(name, NAME, fallback, words, help) \
    { #name, "MAPHERD_" #NAME, words, help, NULL, offsetof(struct options, name), fallback, NULL },
#define TEXT(name, NAME, fallback, form, check, help) \
    { #name, "MAPHERD_" #NAME, form, help, fallback, offsetof(struct options, name), 0, check },
#include "base/options.def"
#undef CHOICE
#undef TEXT
};

const size_t option_count = sizeof table / sizeof *table;

/* Cuts the piece before the next separator off rest; false when nothing is left. */
static bool next_piece(struct option_text *rest, char separator, struct option_text *piece)
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

static bool equal(struct option_text a, struct option_text b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static struct option_text text_of(const char *s)
{
    return (struct option_text){ s, strlen(s) };
}

struct option_row option_row(size_t n)
{
    const struct table_row *t = &table[n];
    struct option_row row = { t->name, t->env, t->form, t->help, { "", 0 }, t->field, t->check };
    if (t->check) {
        row.fallback = text_of(t->fallback);
    } else {
        struct option_text words = text_of(t->form);
        for (int i = 0; i <= t->number; i++)
            next_piece(&words, '|', &row.fallback);
    }
    return row;
}

/* Levenshtein's distance, for "did you mean". */
static unsigned distance(struct option_text a, struct option_text b)
{
    unsigned row[NAME_MAX_LEN + 1];
    if (a.len > NAME_MAX_LEN || b.len > NAME_MAX_LEN)
        return 2 * NAME_MAX_LEN;
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

/* The number of the word in words that value is; -1 if none, and then the nearest in *near. */
static int find_word(struct option_text words, struct option_text value, struct option_text *near)
{
    struct option_text word;
    unsigned least = ~0U;
    for (int n = 0; next_piece(&words, '|', &word); n++) {
        if (equal(word, value))
            return n;
        unsigned d = distance(word, value);
        if (d < least) {
            least = d;
            *near = word;
        }
    }
    return -1;
}

static const struct table_row *find_row(struct option_text name, const char **near)
{
    unsigned least = ~0U;
    for (size_t n = 0; n < option_count; n++) {
        struct option_text row = text_of(table[n].name);
        if (equal(row, name))
            return &table[n];
        unsigned d = distance(row, name);
        if (d < least) {
            least = d;
            *near = table[n].name;
        }
    }
    return NULL;
}

/* A piece that need not end in NUL, cut to what a log line bears. */
#define SHOWN 80
struct shown {
    char text[SHOWN + 1];
};

static struct shown show(struct option_text t)
{
    struct shown s;
    size_t len = t.len < SHOWN ? t.len : SHOWN;
    for (size_t i = 0; i < len; i++)
        s.text[i] = t.at[i] >= ' ' && t.at[i] != 0x7f ? t.at[i] : '?';
    s.text[len] = '\0';
    return s;
}

/* Checks, and stores into *into if given. */
static bool set(struct options *into, struct option_text name, struct option_text value, char *why,
                size_t why_size)
{
    const char *near_name = "";
    struct option_text near_word = { "", 0 };
    const struct table_row *row = find_row(name, &near_name);
    if (!row) {
        fmt(why, why_size, "unknown option '%s'; the nearest is '%s'", show(name).text, near_name);
        return false;
    }
    if (row->check) {
        if (!row->check(value)) {
            fmt(why, why_size, "option %s: '%s' is not of the form %s; the default is %s", row->name,
                show(value).text, row->form, row->fallback);
            return false;
        }
        if (into)
            *(struct option_text *)((char *)into + row->field) = value;
        return true;
    }
    int number = find_word(text_of(row->form), value, &near_word);
    if (number < 0) {
        fmt(why, why_size, "option %s: '%s' is not one of %s; the nearest is '%s'", row->name,
            show(value).text, row->form, show(near_word).text);
        return false;
    }
    if (into)
        *(int *)((char *)into + row->field) = number;
    return true;
}

bool options_check(struct option_text name, struct option_text value, char *why, size_t why_size)
{
    return set(NULL, name, value, why, why_size);
}

static void read_one(struct option_text name, struct option_text value, options_complain *complain)
{
    char why[400];
    if (!set(&options, name, value, why, sizeof why))
        complain(why);
}

static void read_list(struct option_text list, options_complain *complain)
{
    struct option_text piece, value;
    while (next_piece(&list, ':', &piece)) {
        struct option_text name = piece;
        if (piece.len == 0)
            continue;
        value = piece;
        if (!next_piece(&value, '=', &name) || !value.at) {
            char why[200];
            fmt(why, sizeof why, "MAPHERD_OPTIONS: '%s' is not of the form name=value",
                show(piece).text);
            complain(why);
            continue;
        }
        read_one(name, value, complain);
    }
}

/* Names in the environment that are not options. MAPHERD_LIBRARY tells the command which library
 * to preload. */
static bool is_reserved(struct option_text name)
{
    return equal(name, text_of("options")) || equal(name, text_of("library"));
}

void options_read(char *const *environment, options_complain *complain)
{
    static const char prefix[] = "MAPHERD_";
    static const char list[] = "MAPHERD_OPTIONS=";
    if (!environment)
        return;
    for (char *const *e = environment; *e; e++)
        if (strncmp(*e, list, sizeof list - 1) == 0)
            read_list(text_of(*e + sizeof list - 1), complain);
    for (char *const *e = environment; *e; e++) {
        const char *equals = strchr(*e, '=');
        if (strncmp(*e, prefix, sizeof prefix - 1) != 0 || !equals)
            continue;
        char lower[NAME_MAX_LEN + 1];
        const char *upper = *e + sizeof prefix - 1;
        size_t len = (size_t)(equals - upper);
        if (equals < upper)
            continue;
        if (len > NAME_MAX_LEN)
            len = NAME_MAX_LEN;
        for (size_t i = 0; i < len; i++)
            lower[i] = upper[i] >= 'A' && upper[i] <= 'Z' ? (char)(upper[i] + 'a' - 'A') : upper[i];
        struct option_text name = { lower, len };
        if (!is_reserved(name))
            read_one(name, text_of(equals + 1), complain);
    }
}

bool options_glob_list(struct option_text list, const char *text)
{
    struct option_text glob;
    while (next_piece(&list, ',', &glob))
        if (glob.len && fmt_glob(glob.at, glob.len, text))
            return true;
    return false;
}

int options_percents(struct option_text list, int *percents, int max)
{
    struct option_text piece;
    uint64_t last = 0;
    int n = 0;
    while (next_piece(&list, ',', &piece)) {
        const char *at = piece.at;
        uint64_t value;
        if (!piece.len || !fmt_read_u64(&at, &value) || at != piece.at + piece.len)
            return -1;
        if (value <= last || value > 100)
            return -1;
        last = value;
        if (n < max)
            percents[n++] = (int)value;
    }
    return n;
}

long options_reserve(struct option_text text, long limit)
{
    const char *at = text.at, *end = text.at + text.len;
    uint64_t value;
    if (!text.len || !fmt_read_u64(&at, &value) || at > end)
        return -1;
    if (at == end)
        return (long)(value < (uint64_t)limit / 2 ? value : (uint64_t)limit / 2);
    if (at + 1 != end || *at != '%' || value > 50)
        return -1;
    return limit / 100 * (long)value + limit % 100 * (long)value / 100;
}
