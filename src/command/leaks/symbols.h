/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * symbols: names for the frames of a record's stacks.
 *
 * The files that the process had mapped are read as the process sees them (/proc/PID/root while it
 * runs). A file with another build id than the record has was replaced: its frames get no names,
 * and a note says so. Each frame is looked up once.
 */
#ifndef MAPHERD_COMMAND_SYMBOLS_H
#define MAPHERD_COMMAND_SYMBOLS_H

#include "command/leaks/record.h"
#include "command/leaks/symbol.h"

struct symbols;
struct interpreters;

/*
 * Begins to name the frames of r, which has to outlive the result. pid: the process as seen from
 * here if it runs, else 0. debug_dir: where separate debug files are besides the usual places; may
 * be NULL.
 */
struct symbols *symbols_new(const struct record *r, pid_t pid, const char *debug_dir);
void symbols_free(struct symbols *s);

/* Whether runs of an interpreter's own frames become one line (interpreters.h). They do, if nothing
 * else is said. */
void symbols_fold(struct symbols *s, bool fold);

/* The functions of a stack of the record, innermost first, without the library's own. *n: how many.
 * In memory of malloc; NULL if there is no such stack. The symbols are good until symbols_free. */
const struct symbol **symbols_stack(struct symbols *s, uint32_t stack, size_t *n);

/* Which interpreters have frames in the stacks that symbols_stack has looked up. */
const struct interpreters *symbols_interpreters(const struct symbols *s);

/* *n sentences that say what could not be named and why, of the stacks that symbols_stack has
 * looked up. */
const char *const *symbols_notes(const struct symbols *s, size_t *n);

#endif
