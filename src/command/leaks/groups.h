/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * groups: the live mappings of one or several records, grouped by what they have in common.
 *
 * A group's *survivors* are the mappings that are there longer than those of their stack that come
 * and go: more than four times as long as those that were unmapped were on average. Where fewer
 * than one in ten mappings of a stack was unmapped, all of its mappings survive. So what a program
 * maps and unmaps all the time has few survivors, however many mappings it has at the moment.
 */
#ifndef MAPHERD_COMMAND_GROUPS_H
#define MAPHERD_COMMAND_GROUPS_H

#include "command/leaks/live.h"

enum group_by { GROUP_STACK, GROUP_FILE, GROUP_SUFFIX, GROUP_DELETED, GROUP_AGE };

/* Reads a word of --by: "stack", "file", "suffix", "deleted", "age". False if it is none. */
bool group_by_word(const char *word, enum group_by *by);

#define GROUP_FILES 3
struct group {
    const char *key;         /* a group of another record with the same text is the same group */
    const char *name;        /* its name in one line */
    const struct live *live; /* the process with the stack */
    uint32_t stack;          /* the stack with most of its mappings; 0: none */
    size_t mappings;         /* of which a part at least is still mapped */
    size_t survivors;        /* of these; all of them where groups.use_known is false */
    size_t pieces;           /* ranges */
    uint64_t bytes;
    size_t maps;    /* VMAs, where groups.joined; one that several groups share counts in each */
    size_t deleted; /* mappings of deleted files, where groups.deleted_known */
    uint64_t oldest_ms, newest_ms;     /* when they were made, ms since 1970 */
    uint64_t oldest_age, youngest_age; /* ms, when their process was last seen */
    /* By stack, where groups.use_known: all that were made since the recording began, how many of
     * them were unmapped, and how long these were mapped in all. */
    uint64_t made, unmapped, lived_ms;
    size_t files; /* different ones */
    struct group_file {
        const struct live *live;
        uint32_t file;
        size_t mappings;
    } most[GROUP_FILES]; /* the files with most of its mappings, most first */
    size_t most_count;
    size_t *of; /* its mappings by process */
};

struct groups {
    const struct live *lives; /* the processes */
    size_t live_count;
    enum group_by by;
    bool joined, deleted_known; /* of all processes (live.h) */
    bool use_known;             /* all records tell what became of the mappings of a stack */
    struct group *at; /* most survivors first, then most mappings; by age: the youngest first */
    size_t n;
    struct group all; /* of everything that was counted */
    void *memory;     /* of groups.c */
};

/* Groups the mappings of n processes, which have to outlive the result. older_ms: leaves out those
 * that are younger than that at the now_ms of their process. */
void groups_make(struct groups *g, const struct live *lives, size_t n, enum group_by by,
                 uint64_t older_ms);
void groups_free(struct groups *g);

#endif
