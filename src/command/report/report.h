/*
 * report: what the page of `mapherd report` is made of. One file a part of the page.
 */
#ifndef MAPHERD_REPORT_H
#define MAPHERD_REPORT_H

#include "command/leaks/groups.h"
#include "command/lib/print.h"
#include "command/lib/verb.h"

/* How the count has moved, by the record's history. */
struct course {
    bool known;
    long now;             /* maps */
    uint64_t begin_s;     /* the oldest point, s since 1970 */
    bool grows;           /* else it has been steady since since_s */
    uint64_t since_s;
    long from;            /* maps at since_s */
    double a_minute;      /* maps gained, on the average since then; <= 0: none */
    uint64_t still_s;     /* it grew, and hardly any more since then; 0: it still grows */
};

struct report {
    struct live live;     /* record is NULL where there is none: then all that is known is maps */
    char why[256];        /* a sentence: why there is no record; "" if there is one */
    char program[64], host[64], arguments[512];
    pid_t pid;            /* as its own machine knows it */
    uint64_t made_ms;     /* now */
    long count;           /* maps, the last known; -1: not known */
    long limit;           /* -1: not known */
    bool preloaded;       /* the library is, or was, in the process */
    struct course course;
    struct groups stacks, files, suffixes, deleted; /* empty where nothing is recorded */
    const struct live_map *maps; /* what the address space is drawn from: live's, or of pieces */
    size_t map_count;
    bool of_pieces;       /* the process is gone: its recorded mappings */
    struct space *space;
};

/* A process id or the path of a record. DONE, or it has complained and tells how to end. */
int report_look(struct report *r, const struct verb *v, const char *operand, const char *debug_dir);

/* Whether a point of a ring of n is of the last time that the ring can tell: a place that nothing was
 * put into since has an old one. */
bool report_point_counts(const struct mapherd_record_point *p, unsigned level, unsigned n, uint64_t now_s);

/* points: of a record, levels rings of a_level points. */
struct course report_course(const struct mapherd_record_point *points, unsigned levels,
                            unsigned a_level, uint64_t now_s);

/* The head of the page: HTML. */
void report_words(const struct report *r, FILE *out);

/* The data of the pictures and tables: JSON, of which the others write a part each. */
void report_data(const struct report *r, FILE *out);
void report_stacks(const struct report *r, struct json *j);
void report_sums(const struct report *r, struct json *j); /* where no mappings are recorded */
void report_picture(const struct report *r, struct json *j);

/* What all groups have, as members of an object: mappings n, maps v, bytes b, files f, deleted d,
 * oldest o, newest y. */
void report_group(const struct report *r, const struct group *g, struct json *j);
enum { REPORT_GROUPS = 300 }; /* of a list, at most */

/* Where in a stack the program itself acts: the innermost function that is neither of libc nor of
 * the JDK; NULL if the stack is empty. *caller, where asked for: the nearest function above it that is
 * of another library or Java package, or NULL. */
const struct symbol *report_site(const struct report *r, uint32_t stack, const struct symbol **caller);

#endif
