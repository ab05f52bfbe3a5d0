/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * live: a record and its process. Finds the record of a process that runs, and writes to it what is
 * wanted; says whether the process of a record runs; and has the mappings of a record with what
 * else can be known of them. For a process that runs, that is the kernel's list of VMAs; for one
 * that has ended, which of its files are still there.
 */
#ifndef MAPHERD_COMMAND_LIVE_H
#define MAPHERD_COMMAND_LIVE_H

#include "command/leaks/record.h"
#include "command/leaks/symbols.h"
#include "command/watch/target.h"

/* ---- the record of a process that runs ---- */

#define RECORD_PATH 4200

/*
 * Opens the record that a process has mapped, through the mapping, so that its name need not exist
 * any more. Returns a descriptor, or -1; then record_problem() says why. path: RECORD_PATH bytes,
 * gets the name of the file as the process has it.
 */
int record_open_of(pid_t pid, int flags, char *path);

/* Whether a record is that of a running process, a copy of it, or neither. RECORD_SAME also
 * where the process may not be looked at. */
enum record_match { RECORD_NONE, RECORD_COPY, RECORD_SAME };
enum record_match record_match(const struct record *r, pid_t pid);

/*
 * Writes into the open record of a running process what is wanted of its recording. head receives
 * the record's head as it was before. False: nothing was written, and record_problem() says why.
 */
bool record_want(int fd, enum mapherd_record_wanted wanted, struct mapherd_record_head *head);

/* ---- the process of a record, and its mappings ---- */

/* One VMA of the kernel's list, in the order of addresses. */
struct live_map {
    uint64_t start, end, offset, device, inode;
    const char *path; /* as /proc/PID/maps has it */
    bool read, write, exec, shared;
    bool deleted;
    bool recorded; /* the record has a piece in it */
};

/* A line of the kernel's list as such a VMA. The path is that of m, which is to be copied. */
struct live_map live_map_of(const struct procmap *m);

/* How the process ended, as far as the record and /proc tell. */
enum live_state { LIVE_RUNNING, LIVE_EXITED, LIVE_REPLACED, LIVE_KILLED, LIVE_UNKNOWN };

struct live {
    struct record *record;
    struct symbols *symbols;
    enum live_state state;
    pid_t pid;       /* of the process, as seen from here; 0: it does not run here */
    uint64_t now_ms; /* the moment to which all refers: now, or when the process was last seen */
    bool joined;     /* the kernel's list was read: maps, spans and unrecorded are known */
    struct live_map *maps;
    size_t map_count;  /* the VMAs that count against the limit */
    long limit;        /* vm.max_map_count: now, or as the record has it; <= 0: not known */
    long unrecorded;   /* VMAs that no piece of the record lies in */
    struct live_span { /* of a piece: the VMAs that it lies in, from first to behind - 1 */
        uint32_t first, behind;
    } * spans;
    bool deleted_known;
    bool *deleted; /* by element of FILE */
    void *texts;   /* of live.c */
};

/* Whether the word is a process id, which is in *pid then. */
bool live_is_pid(const char *word, pid_t *pid);

/* Opens the record of a process id, or at a path. False if there is none; *why is a sentence
 * that says why. */
bool live_open(struct live *l, const char *operand, const char *debug_dir, const char **why);
void live_close(struct live *l);

/* The state of the process of a record. *pid: its id as seen from here if it runs, else 0. */
enum live_state live_state_of(const struct record *r, pid_t *pid);

/* "running", "exited", "became another program", "was killed", "not known: another machine's". */
const char *live_state_text(enum live_state state);

/* The path of an element of FILE, with " (deleted)" if the file is; or "anonymous memory". */
const char *live_file(const struct live *l, uint32_t file);

#endif
