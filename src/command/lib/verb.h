/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * verb: what the command can do. Each verb is in a file of its own; main.c has the table of them.
 *
 * A verb returns DONE, FAILED (it could not do it, or what it looked at is not well) or MISUSED
 * (what the user asked for makes no sense). Answers go to stdout, and complaints to stderr as
 * "mapherd: ...".
 */
#ifndef MAPHERD_VERB_H
#define MAPHERD_VERB_H

#include <stdbool.h>
#include <stdint.h>

enum { DONE = 0, FAILED = 1, MISUSED = 2 };

struct verb {
    const char *name;
    const char *synopsis;              /* what follows the name */
    const char *summary;               /* one line */
    const char *help;                  /* the rest of `mapherd help NAME` */
    int (*run)(int argc, char **argv); /* argv[0] is the verb */
};

extern const struct verb verb_run, verb_graft, verb_library, verb_ps, verb_top, verb_stat,
    verb_maps, verb_leaks, verb_diff, verb_report, verb_clean, verb_recover, verb_fill, verb_doctor,
    verb_help;
extern const struct verb *const verbs[]; /* ends with NULL */

/* The verb of that name; or NULL, and then *near is the verb that may be meant, or NULL. */
const struct verb *verb_find(const char *name, const struct verb **near);

/* Prints the synopsis and the help of a verb. */
void verb_print_help(const struct verb *v);

/* Prints "mapherd: TEXT" to stderr; control characters of the text become '?'. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A complaint that names the verb and where to find help. Returns MISUSED. */
int misused(const struct verb *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * A flag of a verb: --NAME, or -N where the name is one letter. on: a switch, which the flag sets;
 * value: where the flag takes a value. One of both is NULL. A list of flags ends with name NULL.
 */
struct flag {
    const char *name;
    bool *on;
    const char **value;
};

/* Takes the flags out of argv, leaves the n operands in argv[0] to argv[n - 1], and returns n.
 * Answers --help and complains about wrong flags: both end the process. */
int verb_args(const struct verb *v, const struct flag *flags, int argc, char **argv);

/* The number that text, the value of a flag, gives. Ends the process with a complaint if it is
 * none from min to max. */
long verb_number(const struct verb *v, const char *flag, const char *text, long min, long max);

/* The time in ms that text gives, the value of a flag: "90", "90s", "15m", "2h" or "7d". Ends the
 * process with a complaint if it is none. */
uint64_t verb_span(const struct verb *v, const char *flag, const char *text);

#endif
