/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * report: the page of `mapherd report`. Each part of the page has a file of its own.
 */
#ifndef MAPHERD_REPORT_H
#define MAPHERD_REPORT_H

#include "command/leaks/groups.h"
#include "command/lib/print.h"
#include "command/lib/verb.h"
#include "command/watch/cold.h"

/* How the count has changed, as the history in the record shows. */
struct trend {
    bool known;
    long now;         /* VMAs */
    uint64_t begin_s; /* the oldest point, s since 1970 */
    bool grows;       /* since since_s; else it has been steady since then */
    uint64_t since_s;
    long from;        /* VMAs at since_s */
    double a_minute;  /* VMAs gained per minute on average since then; <= 0: none */
    uint64_t still_s; /* since when it has hardly grown any more; 0: it still grows */
};

struct report {
    struct live live; /* record is NULL if there is none: then only maps are known */
    char why[256];    /* a sentence: why there is no record; "" if there is one */
    char program[64], host[64], arguments[512];
    pid_t pid;        /* as its own machine knows it */
    uint64_t made_ms; /* now */
    long count;       /* VMAs, the last count; -1: not known */
    long limit;       /* -1: not known */
    bool preloaded;   /* the library is, or was, in the process */
    struct trend trend;
    struct cold_use cold; /* zeros where nothing is known of cold mappings */
    bool cold_now;        /* over the last second; else since the record began */
    struct groups stacks, files, suffixes, deleted; /* empty where nothing is recorded */
    const struct live_map *maps; /* the address space to draw: those of live, or made of pieces */
    size_t map_count;
    bool of_pieces; /* the process has ended: maps are its recorded mappings */
    struct space *space;
};

/* Whether a point of a ring of n points lies in the time that the ring covers. A place of the
 * ring that was not written since has an older point. */
bool report_point_counts(const struct mapherd_record_point *p, unsigned level, unsigned n,
                         uint64_t now_s);

/* Writes the head of the page, in HTML. */
void report_words(const struct report *r, FILE *out);

/* Writes the data of the pictures and tables, in JSON. */
void report_data(const struct report *r, FILE *out);

/* Writes the numbers of the page as one JSON object, for programs. */
void report_json(const struct report *r, FILE *out);

/* What an event is about, by its enum mapherd_record_event_kind: "pressure", "fault", "other". */
const char *report_event_kind(uint32_t kind);

/*
 * The place in a stack that is the program's own: the innermost function that is neither of libc
 * nor of the JDK; NULL if the stack is empty. caller may be NULL; else *caller is the nearest
 * function above it that belongs to another library or Java package, or NULL.
 */
const struct symbol *report_site(const struct report *r, uint32_t stack,
                                 const struct symbol **caller);

/* The files in src/command/report/page, line by line, which the build makes part of the command.
 * Each array ends with NULL. In page_html, report.c replaces each @NAME@. */
extern const char *const page_html[], *const page_css[], *const page_js[];

#endif
