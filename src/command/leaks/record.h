/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record: reads record files (mapherd/record.h), of processes that run or have ended.
 *
 * The result is a copy, and has been checked: each index and offset in it is good, each text ends,
 * and no two pieces overlap. While the process runs, the copy is of one moment if the library
 * changed nothing meanwhile.
 */
#ifndef MAPHERD_COMMAND_RECORD_H
#define MAPHERD_COMMAND_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapherd/record.h"

struct record {
    char *path;        /* as it was opened */
    uint64_t taken_ms; /* when the copy was taken, ms since 1970 */
    uid_t owner;       /* of the file */
    dev_t device;
    ino_t inode;
    uint64_t size; /* in bytes */
    struct mapherd_record_head head;
    const struct mapherd_record_point *points; /* levels * points, see the head */
    const struct mapherd_record_event *events; /* oldest first */
    size_t event_count;
    const struct mapherd_record_top *top;
    size_t top_count;
    struct mapherd_record_mapping *pieces; /* live ones, by address; no two overlap */
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

/* Reads the record at path. NULL if it is no record, or cannot be read; then *why is a sentence,
 * good until the next call. */
struct record *record_read(const char *path, const char **why);

/* As record_read, from a descriptor, which it closes. path: the name of the file. fd may be what
 * record_open has returned where it failed. */
struct record *record_take(int fd, const char *path, const char **why);

/* Opens a file. Returns a descriptor, or -1; then record_problem() says why. */
int record_open(const char *path, int flags);

/* Keeps a sentence that says why there is no record, for record_problem(). Returns NULL. */
void *record_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *record_problem(void);

/* Whether a file, or the memory of a process, has at `at` the bytes that a record begins with.
 * False also if fd is -1. */
bool record_begins(int fd, uint64_t at);

/* Whether h is the head of a record, and the parts that it names do not overlap. len: the bytes
 * that were read of it. False: record_problem() says why. */
bool record_check_head(const struct mapherd_record_head *h, size_t len);

void record_free(struct record *r);

/* The text that begins at byte `at` of TEXT; "" if there is none. */
const char *record_text(const struct record *r, uint32_t at);

/* The frames of a stack, innermost first. *depth: how many; 0 if there is no such stack. */
const uint64_t *record_stack(const struct record *r, uint32_t stack, size_t *depth);

/* What became of the mappings of such a stack. False if the record does not say. */
bool record_use(const struct record *r, uint32_t stack, struct mapherd_record_use *use);

/* ---- the record files of a folder ---- */

typedef void records_take(const char *path, const struct record *r, void *context);

/* Calls take for each record in the folder that may be read, in the order of names. Skips files
 * that look like records and are none. False, after a complaint, if the folder cannot be read. */
bool records_each(const char *folder, records_take *take, void *context);

/* records_each, for the folders that normally have records: $MAPHERD_DIR and /dev/shm. */
void records_each_usual(records_take *take, void *context);

#endif
