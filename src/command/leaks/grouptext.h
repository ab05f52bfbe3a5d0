/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * grouptext: groups of mappings as text, for people and programs.
 */
#ifndef MAPHERD_COMMAND_GROUPTEXT_H
#define MAPHERD_COMMAND_GROUPTEXT_H

#include "command/leaks/groups.h"
#include "command/lib/print.h"

/* What was looked at: the processes, how close each is to the limit, since when, and what is not
 * known. */
void group_print_head(const struct groups *g);

/* The same of process i, as the members of an object. The sums are in it where it is the only
 * one. */
void group_json_head(struct json *j, const struct groups *g, size_t i);

/* The sums over all processes, as the members of an object. */
void group_json_sum(struct json *j, const struct groups *g);

/* Prints "3,000 mappings, 3,000 maps, 11.7 MiB, 3 s to 12 min old", and where it is known how many
 * have survived. */
void group_print_numbers(const struct group *g, const struct groups *of);

/* Prints what the mappings of the group have in common, a line of its files, and by stack the
 * lines of its stack. */
void group_print_origin(const struct group *g, const struct groups *of);

/* Writes the members of the group's object, without brackets. */
void group_json(struct json *j, const struct group *g, const struct groups *of);

/* Prints "outer;middle;inner count", as flamegraph.pl and speedscope read it. */
void group_fold(const struct group *g, size_t count);

/* What could not be named, and why: as text, as JSON, and as complaints. */
void group_print_notes(const struct groups *g);
void group_json_notes(struct json *j, const struct groups *g);
void group_complain_notes(const struct groups *g);

#endif
