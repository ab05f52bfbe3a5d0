/*
 * verb: what the command can do. One file a verb; main.c has the table.
 *
 * A verb ends with DONE, FAILED (it could not, or what it looked at is not well) or MISUSED (what
 * was asked makes no sense). Answers go to stdout, complaints to stderr as "mapherd: ...".
 */
#ifndef MAPHERD_VERB_H
#define MAPHERD_VERB_H

#include <stdbool.h>

enum { DONE = 0, FAILED = 1, MISUSED = 2 };

struct verb {
    const char *name;
    const char *synopsis; /* what follows the name */
    const char *summary;  /* one line */
    const char *help;     /* the rest of `mapherd help NAME` */
    int (*run)(int argc, char **argv); /* argv[0] is the verb */
};

extern const struct verb verb_run, verb_library, verb_ps, verb_top, verb_stat, verb_maps, verb_leaks,
    verb_diff, verb_report, verb_clean, verb_recover, verb_fill, verb_doctor, verb_help;
extern const struct verb *const verbs[]; /* ends with NULL */

/* The verb of that name; or NULL, and in *near the one that may be meant, or NULL too. */
const struct verb *verb_find(const char *name, const struct verb **near);

void verb_print_help(const struct verb *v);

/* "mapherd: TEXT" on stderr; control characters of the text become '?'. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, with the verb's name and where to find help; returns MISUSED. */
int misused(const struct verb *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One --NAME of a verb, or -N where the name is one letter: a switch, or with a value. A list ends
 * with name NULL. */
struct flag {
    const char *name;
    bool *on;
    const char **value;
};

/*
 * Takes the flags out of argv and leaves the operands in argv[0..n): returns n. --help is answered
 * and wrong flags are complained of here: both end the process.
 */
int verb_args(const struct verb *v, const struct flag *flags, int argc, char **argv);

#endif
