/*
 * options: what the user said. One table (options.def), read once at start.
 *
 * MAPHERD_<NAME>=value, or MAPHERD_OPTIONS=name=value:name=value; the former wins. An unknown
 * name or a bad value is one warning with the nearest valid one, and the option keeps its
 * default. A value in MAPHERD_OPTIONS ends at ':'; where it must hold one, use MAPHERD_<NAME>.
 */
#ifndef MAPHERD_OPTIONS_H
#define MAPHERD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/words.h"

/* The words of options that are rules. */
#define PREALLOC_WORDS "auto|strict|off"
#define SIGBUS_WORDS "auto|convert|report|off|spill"

struct options {
#define CHOICE(name, NAME, fallback, words, help) int name;
#define TEXT(name, NAME, fallback, form, check, help) struct option_text name;
#include "tell/options.def"
#undef CHOICE
#undef TEXT
};

/* The words of choices and rules, in the table's order. */
enum { MODE_PROTECT, MODE_OBSERVE };
enum { COALESCE_AUTO, COALESCE_PLACE, COALESCE_JOIN, COALESCE_FILL, COALESCE_OFF };
enum { GUARDS_AUTO, GUARDS_ON, GUARDS_OFF };
enum { SECCOMP_FAULT, SECCOMP_START };
enum { PREALLOC_AUTO, PREALLOC_STRICT, PREALLOC_OFF };
enum { SIGBUS_AUTO, SIGBUS_CONVERT, SIGBUS_REPORT, SIGBUS_OFF };
enum { SYNC_AUTO, SYNC_FAST, SYNC_PLAIN };
enum { LEAKS_OFF, LEAKS_ON };
enum { HOLD_NONE, HOLD_CALM, HOLD_RAISED, HOLD_HIGH, HOLD_FULL };
enum { FORMAT_TEXT, FORMAT_JSON };
enum { CHILDREN_ON, CHILDREN_OFF };

/* One row of the table, for those who list it. */
struct option_row {
    const char *name;            /* lower case, as in MAPHERD_OPTIONS and `mapherd run --name` */
    const char *env;             /* MAPHERD_<NAME> */
    const char *form;            /* "a|b" of a choice, a description of a text */
    const char *help;
    struct option_text fallback; /* the default as the user would write it */
    size_t field;                /* offset in struct options */
    bool (*check)(struct option_text value, const char *form); /* of a text; NULL in a choice */
};

extern const size_t option_count;

/* Row number n of the table, n < option_count. */
struct option_row option_row(size_t n);

/* What is in force. The defaults, until options_read. */
extern struct options options;

typedef void options_complain(const char *line);

/*
 * Reads an environment (environ's form, or NULL). Each complaint goes to complain as one line
 * without a newline. What is kept of the environment is copied, OPTIONS_TEXT_MAX bytes at most; a text
 * beyond that is a complaint. Not thread-safe: for the constructor; a second call makes the texts of
 * the first invalid.
 */
#define OPTIONS_TEXT_MAX 16384
void options_read(char *const *environment, options_complain *complain);

/*
 * What options_read would say of one name (lower case) and value: true, or false and the
 * complaint in why. For `mapherd run --name=value`, which refuses what the library warns of.
 */
bool options_check(struct option_text name, struct option_text value, char *why, size_t why_size);

/* True if one of the comma-separated globs in list matches text. */
bool options_glob_list(struct option_text list, const char *text);

/* Ascending percents in 1..100, comma-separated: how many, at most max; -1 if the text is not of
 * that form. */
int options_percents(struct option_text list, int *percents, int max);

/* A plain number of at most a day's; -1 if the text is none. */
long options_milliseconds(struct option_text text);

/* An exit status, 0 to 255; -1 if the text is none. */
long options_status(struct option_text text);

/* A plain number of 1 to 64; -1 if the text is none. */
long options_depth(struct option_text text);

/* RESERVE's form, for a limit: a number of maps, at most half of the limit; -1 if the text is not of that form. */
long options_reserve(struct option_text text, long limit);

/* Bytes: a number, with K, M, G or T (of 1024) behind it or without; -1 if the text is not of that
 * form. */
int64_t options_size(struct option_text text);

/* A size, or "5%" of total; -1 if the text is neither. */
int64_t options_share(struct option_text text, int64_t total);

#endif
