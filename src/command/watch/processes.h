/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * processes: the processes of the machine that this user may look at.
 */
#ifndef MAPHERD_PROCESSES_H
#define MAPHERD_PROCESSES_H

#include <stdint.h>

#include "command/watch/cold.h"
#include "command/watch/pieces.h"
#include "command/watch/target.h"
#include "mapherd/mapherd.h"

struct process {
    struct target target;
    const char *user;
    uint64_t started; /* by process_started */
    bool preloaded;   /* the library is in it */
    bool told;        /* its block could be read */
    struct mapherd_status block;
    struct cold_use cold; /* since the process began, where told */
    struct held_row most; /* what holds most VMAs; maps 0: not asked for */
};

struct processes {
    struct process *at; /* nearest to their limit first */
    size_t n, room;
    long unreadable; /* processes that may not be read */
};

/* Reads the list of VMAs of every process once. holders: finds the holder of each as well. What
 * p had before is freed. */
void processes_read(struct processes *p, bool holders);

/* Whether a process has cold mappings. */
bool processes_have_cold(const struct processes *p);

/* Reads one process, and its holders into most, at most *n_most, which becomes their number.
 * False if there is no such process, it has no VMAs, or it may not be read. */
bool process_read(struct process *one, pid_t pid, struct held_row *most, size_t *n_most);

/* The VMAs gained per minute, as the library in the process has measured. False if there is
 * none, or it has not. */
bool process_pace(const struct process *one, long *a_minute);

/* How the library reaches the process: "sites", past libc's functions too; "symbols", by these
 * alone; "passive", it is in the process and does nothing. Else "no": it could be put into the
 * program, or "never". */
const char *process_reached(const struct process *one);

/* Prints the list as one line of JSON: of each process what target_json writes, its user, the maps
 * it gains a minute, some numbers of the library in it, and the holder. most: how many processes
 * are listed; all are counted. */
void processes_json(const struct processes *p, size_t most);

#endif
