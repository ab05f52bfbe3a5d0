/*
 * groups: the live mappings of a record, grouped by what they have in common; and groups as text,
 * for people and programs.
 */
#ifndef MAPHERD_COMMAND_GROUPS_H
#define MAPHERD_COMMAND_GROUPS_H

#include "command/leaks/live.h"
#include "command/lib/print.h"

enum group_by { GROUP_STACK, GROUP_FILE, GROUP_SUFFIX, GROUP_DELETED, GROUP_AGE };

/* Reads a word of --by: "stack", "file", "suffix", "deleted", "age". False if it is none. */
bool group_by_word(const char *word, enum group_by *by);

#define GROUP_FILES 3
struct group {
    const char *key;  /* a group of another record with the same text is the same group */
    const char *name; /* its name in one line */
    uint32_t stack;   /* the stack with most of its mappings; 0: none */
    size_t mappings;  /* of which a part at least is still mapped */
    size_t pieces;    /* ranges */
    uint64_t bytes;
    size_t maps;    /* VMAs, where live.joined; one that several groups share counts in each */
    size_t deleted; /* mappings of deleted files, where live.deleted_known */
    uint64_t oldest_ms, newest_ms; /* when they were made, ms since 1970 */
    size_t files;                  /* different ones */
    struct group_file {
        uint32_t file;
        size_t mappings;
    } most[GROUP_FILES]; /* the files with most of its mappings, most first */
    size_t most_count;
};

struct groups {
    struct group *at; /* most mappings first; by age: the youngest first */
    size_t n;
    struct group all; /* of everything that was counted */
    void *memory;     /* of groups.c */
};

/* Groups the mappings of l. older_ms: leaves out those that are younger than that at l->now_ms. */
void groups_make(struct groups *g, const struct live *l, enum group_by by, uint64_t older_ms);
void groups_free(struct groups *g);

/* ---- as text ---- */

/* What was looked at: the process, how close it is to the limit, since when, and what is not
 * known. */
void group_print_head(const struct live *l, const struct groups *g);
void group_json_head(struct json *j, const struct live *l, const struct groups *g);

/* Prints "3,000 mappings, 3,000 maps, 11.7 MiB, 3 s to 12 min old". */
void group_print_numbers(const struct group *g, const struct live *l);

/* Prints what the mappings of the group have in common, a line of its files, and by stack the
 * lines of its stack. */
void group_print_origin(const struct group *g, const struct live *l, enum group_by by);

/* Writes the members of the group's object, without brackets. */
void group_json(struct json *j, const struct group *g, const struct live *l, enum group_by by);

/* Prints "outer;middle;inner count", as flamegraph.pl and speedscope read it. */
void group_fold(const struct group *g, const struct live *l, size_t count);

/* What could not be named, and why: as text, as JSON, and as complaints. */
void group_print_notes(const struct live *l);
void group_json_notes(struct json *j, const struct live *l);
void group_complain_notes(const struct live *l);

#endif
