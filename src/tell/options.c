/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * options: see options.h. It runs in the constructor, so nothing is allocated and stdio is not
 * used.
 */
#define _GNU_SOURCE
#include "tell/options.h"

#include <string.h>

#include "common/fmt.h"
#include "common/words.h"

struct options options = {
#define CHOICE(name, NAME, fallback, words, help) .name = (fallback),
#define TEXT(name, NAME, fallback, form, check, help) .name = { (fallback), sizeof(fallback) - 1 },
#include "tell/options.def"
#undef CHOICE
#undef TEXT
};

static bool is_any(struct option_text t, const char *form)
{
    (void)t;
    (void)form;
    return true;
}

/* "on" would be the name of a file; "off" is log_level=off. */
static bool is_log(struct option_text t, const char *form)
{
    (void)form;
    return t.len > 0 && words_sense(t) != SENSE_YES;
}

/* The path is absolute, because the program may change its folder; or there is none. metrics.c
 * limits its length. */
static bool is_folder(struct option_text t, const char *form)
{
    (void)form;
    return !t.len || words_sense(t) == SENSE_NO || (t.at[0] == '/' && t.len < 500);
}

/* "off" would mean the folders that are tried without the option: spill_max=0 keeps nothing. */
static bool is_spill_folder(struct option_text t, const char *form)
{
    return is_folder(t, form) && words_sense(t) != SENSE_NO;
}

/* No folder is a word of its own there: an empty text is the usual one. */
static bool is_record_place(struct option_text t, const char *form)
{
    return is_folder(t, form);
}

static bool is_status(struct option_text t, const char *form)
{
    (void)form;
    return options_status(t) >= 0;
}

static bool is_depth(struct option_text t, const char *form)
{
    (void)form;
    return options_depth(t) > 0;
}

static bool are_percents(struct option_text t, const char *form)
{
    (void)form;
    return options_percents(t, NULL, 0) >= 0;
}

static bool is_reserve(struct option_text t, const char *form)
{
    (void)form;
    return options_reserve(t, 100) >= 0;
}

static bool is_size(struct option_text t, const char *form)
{
    (void)form;
    return options_size(t) >= 0;
}

static bool is_share(struct option_text t, const char *form)
{
    (void)form;
    return options_share(t, 0) >= 0;
}

static bool are_rules(struct option_text t, const char *form)
{
    struct option_text wrong, near;
    return rules_check(t, form, &wrong, &near);
}

static bool is_limit(struct option_text t, const char *form)
{
    (void)form;
    return !t.len || words_sense(t) == SENSE_NO || options_limit(t) > 0;
}

static bool is_number(struct option_text t, const char *form)
{
    (void)form;
    return options_number(t) >= 0;
}

struct table_row {
    const char *name, *env, *form, *help, *fallback;
    size_t field;
    int number; /* of a choice's default word */
    bool (*check)(struct option_text value, const char *form);
};

static const struct table_row table[] = {
#define CHOICE(name, NAME, fallback, words, help) \
    { #name, "MAPHERD_" #NAME, words, help, NULL, offsetof(struct options, name), fallback, NULL },
#define TEXT(name, NAME, fallback, form, check, help) \
    { #name, "MAPHERD_" #NAME, form, help, fallback, offsetof(struct options, name), 0, check },
#include "tell/options.def"
#undef CHOICE
#undef TEXT
};

const size_t option_count = sizeof table / sizeof *table;

/* One bit for each row: the environment has set it. */
static uint64_t given;
_Static_assert(sizeof table / sizeof *table <= 64, "given has a bit for each option");

struct option_row option_row(size_t n)
{
    const struct table_row *t = &table[n];
    struct option_row row = { t->name, t->env, t->form, t->help, { "", 0 }, t->field, t->check };
    if (t->check) {
        row.fallback = words_text(t->fallback);
    } else {
        struct option_text words = words_text(t->form);
        for (int i = 0; i <= t->number; i++)
            words_next(&words, '|', &row.fallback);
    }
    return row;
}

static const struct table_row *find_row(struct option_text name, const char **near)
{
    unsigned least = ~0U;
    for (size_t n = 0; n < option_count; n++) {
        struct option_text row = words_text(table[n].name);
        if (words_equal(row, name))
            return &table[n];
        unsigned d = words_distance(row, name);
        if (d < least) {
            least = d;
            *near = table[n].name;
        }
    }
    return NULL;
}

/* A piece, with a NUL and cut for a log line. */
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

/* What a complaint ends with. */
#define LIST "; the list of options: mapherd help options"

/* What to write for the sense of a value, as the start of a sentence; or "". */
static const char *instead(const struct table_row *row, struct option_text value)
{
    bool off = words_sense(value) == SENSE_NO;
    if (row->check == is_log && words_sense(value) == SENSE_YES)
        return "log_level=info writes more lines; ";
    if (row->check == is_spill_folder && off)
        return "spill_max=0 keeps nothing; ";
    return off && row->check(words_text("0"), row->form) ? "0 switches it off; " : "";
}

static void complain_of_text(const struct table_row *row, struct option_text value, char *why,
                             size_t why_size)
{
    struct option_text wrong, near;
    if (row->check == are_rules && !rules_check(value, row->form, &wrong, &near) && wrong.len)
        fmt(why, why_size, "option %s: '%s' is not a word of %s; the nearest is '%s'" LIST,
            row->name, show(wrong).text, row->form, show(near).text);
    else
        fmt(why, why_size, "option %s: '%s' is not of the form %s; %sthe default is %s" LIST,
            row->name, show(value).text, row->form, instead(row, value),
            *row->fallback ? row->fallback : "none");
}

/*
 * The texts of options are copied here. A program may write its title over its arguments and its
 * environment later (setproctitle, PostgreSQL, nginx, Perl), or change a variable.
 */
static struct {
    char text[OPTIONS_TEXT_MAX];
    size_t len;
} copies;

/* Copies a text, with a NUL. In the copy, words are as the table has them. False: there is no
 * room. */
static bool keep(const struct table_row *row, struct option_text value, struct option_text *kept)
{
    bool rules = row->check == are_rules;
    bool none = words_sense(value) == SENSE_NO;
    if (none && row->check == is_record_place)
        value = words_text("off");
    if (none && (row->check == is_folder || row->check == is_limit))
        value.len = 0;
    size_t len = rules ? rules_write(value, row->form, NULL) : value.len;
    if (len >= sizeof copies.text - copies.len)
        return false;
    char *to = copies.text + copies.len;
    if (rules)
        rules_write(value, row->form, to);
    else
        memcpy(to, value.at, len);
    to[len] = '\0';
    copies.len += len + 1;
    *kept = (struct option_text){ to, len };
    return true;
}

/* Checks a value, and stores it into *into unless that is NULL. */
static bool set(struct options *into, struct option_text name, struct option_text value, char *why,
                size_t why_size)
{
    const char *near_name = "";
    struct option_text near_word = { "", 0 };
    const struct table_row *row = find_row(name, &near_name);
    if (!row) {
        fmt(why, why_size, "unknown option '%s'; the nearest is '%s'" LIST, show(name).text,
            near_name);
        return false;
    }
    if (row->check) {
        if (!row->check(value, row->form)) {
            complain_of_text(row, value, why, why_size);
            return false;
        }
        if (into && row->check == is_log && words_sense(value) == SENSE_NO) {
            into->log_level = 0;
            return true;
        }
        if (into && !keep(row, value, (struct option_text *)((char *)into + row->field))) {
            fmt(why, why_size,
                "option %s: '%s' and what was set before it are longer than %u bytes", row->name,
                show(value).text, (unsigned)OPTIONS_TEXT_MAX);
            return false;
        }
        if (into)
            given |= 1ULL << (row - table);
        return true;
    }
    int number = words_choose(words_text(row->form), value, &near_word);
    if (number < 0) {
        fmt(why, why_size, "option %s: '%s' is not one of %s; the nearest is '%s'" LIST, row->name,
            show(value).text, row->form, show(near_word).text);
        return false;
    }
    if (into) {
        *(int *)((char *)into + row->field) = number;
        given |= 1ULL << (row - table);
    }
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
    while (words_next(&list, ':', &piece)) {
        struct option_text name = piece;
        if (piece.len == 0)
            continue;
        value = piece;
        if (!words_next(&value, '=', &name) || !value.at) {
            char why[200];
            fmt(why, sizeof why, "MAPHERD_OPTIONS: '%s' is not of the form name=value" LIST,
                show(piece).text);
            complain(why);
            continue;
        }
        read_one(name, value, complain);
    }
}

/* True for names in the environment that are no options. MAPHERD_LIBRARY says which library the
 * command preloads. */
static bool is_reserved(struct option_text name)
{
    return words_equal(name, words_text("options")) || words_equal(name, words_text("library"));
}

static bool is_given(const char *name)
{
    const char *near;
    return given >> (find_row(words_text(name), &near) - table) & 1;
}

/* MAPHERD_MODE=limit: switches off what is not about the limit and not set in the environment. */
static void keep_to_the_limit(options_complain *complain)
{
    const struct {
        const char *name, *value;
    } parts[] = {
        { "prealloc", "off" },
        { "sync", "plain" },
        /* A mapping that is cold is made warm by the handler of SIGBUS. */
        { "sigbus", is_given("cold") ? "report" : "off" },
    };
    for (size_t n = 0; n < sizeof parts / sizeof *parts; n++)
        if (!is_given(parts[n].name))
            read_one(words_text(parts[n].name), words_text(parts[n].value), complain);
}

/* Returns the name that follows the prefix of an entry of the environment, up to its '='; NULL if
 * it is no variable of mapherd. */
static const char *own_name(const char *entry, size_t *len)
{
    static const char prefix[] = "MAPHERD_";
    const char *name = entry + sizeof prefix - 1;
    if (strncmp(entry, prefix, sizeof prefix - 1) != 0)
        return NULL;
    const char *equals = strchr(name, '=');
    *len = equals ? (size_t)(equals - name) : 0;
    return equals ? name : NULL;
}

void options_read(char *const *environment, options_complain *complain)
{
    static const char list[] = "MAPHERD_OPTIONS=";
    copies.len = 0;
    given = 0;
    if (!environment)
        return;
    for (char *const *e = environment; *e; e++)
        if (strncmp(*e, list, sizeof list - 1) == 0)
            read_list(words_text(*e + sizeof list - 1), complain);
    for (char *const *e = environment; *e; e++) {
        char lower[WORD_MAX + 1];
        size_t len;
        const char *upper = own_name(*e, &len);
        if (!upper)
            continue;
        const char *value = upper + len + 1;
        if (len > WORD_MAX)
            len = WORD_MAX;
        for (size_t i = 0; i < len; i++)
            lower[i] = upper[i] >= 'A' && upper[i] <= 'Z' ? (char)(upper[i] + 'a' - 'A') : upper[i];
        struct option_text name = { lower, len };
        if (!is_reserved(name))
            read_one(name, words_text(value), complain);
    }
    if (options.mode == MODE_LIMIT)
        keep_to_the_limit(complain);
}

size_t options_list(char *const *environment, char *into, size_t room)
{
    size_t at = 0, takes = 1, len;
    for (char *const *e = environment; e && *e; e++) {
        if (!own_name(*e, &len))
            continue;
        len = strlen(*e) + 1;
        takes += len;
        if (takes > room)
            continue;
        memcpy(into + at, *e, len);
        at += len;
    }
    into[at] = '\0';
    return takes;
}

bool options_glob_list(struct option_text list, const char *text)
{
    struct option_text glob;
    while (words_next(&list, ',', &glob))
        if (glob.len && fmt_glob(glob.at, glob.len, text))
            return true;
    return false;
}

bool options_choose_program(const char *name)
{
    return (!options.only.len || options_glob_list(options.only, name)) &&
           !options_glob_list(options.skip, name);
}

int options_percents(struct option_text list, int *percents, int max)
{
    struct option_text piece;
    uint64_t last = 0;
    int n = 0;
    while (words_next(&list, ',', &piece)) {
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

/* Cuts a unit of bytes off a text: K, KB or KiB and the like, or B. False if it has another one. */
static bool cut_unit(struct option_text *text, unsigned *shift)
{
    static const char units[] = "kmgt";
    const char *unit = NULL;
    size_t len = text->len;
    *shift = 0;
    if (len && (text->at[len - 1] | 0x20) == 'b')
        len--;
    if (len && len < text->len && (text->at[len - 1] | 0x20) == 'i')
        len--;
    if (len)
        unit = memchr(units, text->at[len - 1] | 0x20, sizeof units - 1);
    if (unit)
        *shift = 10 * (unsigned)(unit - units + 1);
    else if (text->len - len == 2) /* "iB" of nothing */
        return false;
    len -= unit != NULL;
    if (len < text->len && len && text->at[len - 1] == ' ')
        len--;
    text->len = len;
    return true;
}

int64_t options_size(struct option_text text)
{
    unsigned shift;
    if (!cut_unit(&text, &shift))
        return -1;
    const char *at = text.at, *end = text.at + text.len;
    uint64_t value;
    if (!text.len || !fmt_read_u64(&at, &value) || at != end)
        return -1;
    return value <= (uint64_t)INT64_MAX >> shift ? (int64_t)(value << shift) : -1;
}

int64_t options_share(struct option_text text, int64_t total)
{
    const char *at = text.at, *end = text.at + text.len;
    uint64_t percent;
    if (!text.len || end[-1] != '%')
        return options_size(text);
    if (!fmt_read_u64(&at, &percent) || at + 1 != end || percent > 100)
        return -1;
    return total / 100 * (int64_t)percent + total % 100 * (int64_t)percent / 100;
}

/* Returns the number that the whole text is, from least to most; or -1. */
static long number_of(struct option_text text, uint64_t least, uint64_t most)
{
    const char *at = text.at, *end = text.at + text.len;
    uint64_t value;
    if (!text.len || !fmt_read_u64(&at, &value) || at != end || value < least || value > most)
        return -1;
    return (long)value;
}

long options_number(struct option_text text)
{
    return number_of(text, 0, 24 * 3600 * 1000);
}

long options_limit(struct option_text text)
{
    return number_of(text, 1, INT32_MAX); /* the kernel's own bounds: sysctl_max_map_count */
}

long options_status(struct option_text text)
{
    return number_of(text, 0, 255);
}

long options_depth(struct option_text text)
{
    return number_of(text, 1, 64);
}
