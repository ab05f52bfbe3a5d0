/*
 * record: reads a record file (mapherd/record.h), of a process that runs or of one that is gone.
 *
 * What it gives has been checked: every index and offset in it is good, every text ends, no two
 * pieces overlap. It is a copy, taken at one moment as far as the library was still.
 */
#ifndef MAPHERD_COMMAND_RECORD_H
#define MAPHERD_COMMAND_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapherd/record.h"

struct record {
    char *path;                                /* as it was opened */
    uint64_t taken_ms;                         /* when the copy was taken, ms since 1970 */
    uid_t owner;                               /* of the file */
    dev_t device;
    ino_t inode;
    uint64_t size;                             /* in bytes */
    struct mapherd_record_head head;
    const struct mapherd_record_point *points; /* levels * points, see the head */
    const struct mapherd_record_event *events; /* oldest first */
    size_t event_count;
    const struct mapherd_record_top *top;
    size_t top_count;
    struct mapherd_record_mapping *pieces;     /* live ones, by address; no two overlap */
    size_t piece_count;
    size_t dropped;                            /* pieces left out because they made no sense */
    const struct mapherd_record_frame *frames; /* element 0 is all zero */
    size_t frame_count;
    const struct mapherd_record_file *files;
    size_t file_count;
    const struct mapherd_record_module *modules;
    size_t module_count;
    /* The reader's own: the arrays that the chunks make. */
    const char *text;
    size_t text_len;
    const uint64_t *words;
    size_t word_count;
    void *memory;
};

/* Reads the record at path. NULL and *why (a sentence, good until the next call) if it is none, or
 * cannot be read. */
struct record *record_read(const char *path, const char **why);

/* The same of an open descriptor, which it closes; path: what it is called. fd < 0: record_refuse()
 * was told why there is none. */
struct record *record_take(int fd, const char *path, const char **why);

/* A descriptor, or -1: record_problem() says why. */
int record_open(const char *path, int flags);

/* What a sentence about a record is written into; returns NULL. */
void *record_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *record_problem(void);

/* Whether the head is one, and all parts that it speaks of lie apart from each other. len: how much
 * of it was read. false: record_refuse() was told. */
bool record_check_head(const struct mapherd_record_head *h, size_t len);

void record_free(struct record *r);

/* A text of the record; "" where there is none. */
const char *record_text(const struct record *r, uint32_t at);

/* The frames of a stack, innermost first; *depth is 0 where there is none. */
const uint64_t *record_stack(const struct record *r, uint32_t stack, size_t *depth);

#endif
