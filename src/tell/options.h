/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * options: the settings of the user. The table is options.def; the constructor reads them once.
 *
 * The form is MAPHERD_<NAME>=value, or MAPHERD_OPTIONS=name=value:name=value, where the former has
 * precedence. Words are understood in letters of either case, and "true", "yes" and "1" as "on"
 * (words_choose). An unknown name or a bad value causes one warning with the nearest valid one, and
 * the option keeps its default. A value in MAPHERD_OPTIONS ends at ':', so a value with a ':' needs
 * MAPHERD_<NAME>.
 *
 * Every function but options_read is thread- and async-signal-safe.
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
#define COLD_WORDS "auto|on|off"

struct options {
#define CHOICE(name, NAME, fallback, words, help) int name;
#define TEXT(name, NAME, fallback, form, check, help) struct option_text name;
#include "tell/options.def"
#undef CHOICE
#undef TEXT
};

/* The words of choices and rules, in the table's order. */
enum { MODE_PROTECT, MODE_LIMIT, MODE_OBSERVE };
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
enum { SITES_AUTO, SITES_OFF };

/* One row of the table, for listings. */
struct option_row {
    const char *name; /* lower case, as in MAPHERD_OPTIONS and `mapherd run --name` */
    const char *env;  /* MAPHERD_<NAME> */
    const char *form; /* "a|b" of a choice; a description of a text */
    const char *help;
    struct option_text fallback; /* the default as the user would write it */
    size_t field;                /* offset in struct options */
    bool (*check)(struct option_text value, const char *form); /* of a text; NULL of a choice */
};

extern const size_t option_count;

/* Returns row n of the table, n < option_count. */
struct option_row option_row(size_t n);

/* The options in force: the defaults, until options_read. */
extern struct options options;

/* Gets one warning, as a line without a newline. */
typedef void options_complain(const char *line);

/*
 * Reads an environment in the form of environ(7), or NULL, and calls complain for each warning.
 * Texts are copied, at most OPTIONS_TEXT_MAX bytes in all; a text beyond that causes a warning. Not
 * thread-safe: for the constructor. A second call makes the texts of the first invalid.
 */
#define OPTIONS_TEXT_MAX 16384
void options_read(char *const *environment, options_complain *complain);

/*
 * Copies the variables of an environment that options_read reads, NAME=VALUE each with its NUL, and
 * one NUL more. Returns how many bytes that takes. Where these are more than room, into has the
 * first variables that fit, and the NUL.
 */
size_t options_list(char *const *environment, char *into, size_t room);

/*
 * True if options_read would take this name (lower case) and value without a warning; otherwise the
 * warning is in why. For `mapherd run --name=value`, which refuses what the library warns of.
 */
bool options_check(struct option_text name, struct option_text value, char *why, size_t why_size);

/* True if one of the comma-separated globs in list matches text. */
bool options_glob_list(struct option_text list, const char *text);

/* True if the library works in programs of that name (MAPHERD_ONLY, MAPHERD_SKIP). */
bool options_choose_program(const char *name);

/* Reads ascending percents of 1 to 100, separated by commas. Returns how many there are, at most
 * max; -1 if the text is not of that form. */
int options_percents(struct option_text list, int *percents, int max);

/* Returns a number of 0 to 86,400,000, the milliseconds of a day; -1 if the text is none. */
long options_number(struct option_text text);

/* Returns a limit on maps, 1 to 2147483647; -1 if the text is none. */
long options_limit(struct option_text text);

/* Returns an exit status, 0 to 255; -1 if the text is none. */
long options_status(struct option_text text);

/* Returns a number of stack frames, 1 to 64; -1 if the text is none. */
long options_depth(struct option_text text);

/* Returns MAPHERD_RESERVE as a number of VMAs, for that limit: at most half of it; -1 if the text
 * is not of its form. */
long options_reserve(struct option_text text, long limit);

/* Returns a number of bytes. The text may end with K, M, G or T, which are powers of 1024 also as
 * KB or KiB, in letters of either case, behind a space or not; -1 if it is not of that form. */
int64_t options_size(struct option_text text);

/* Returns a size as options_size does, or "5%" of total; -1 if the text is neither. */
int64_t options_share(struct option_text text, int64_t total);

#endif
