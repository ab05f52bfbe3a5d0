/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * leaks: what the parts of the verb leaks, and the verb diff, have in common.
 */
#ifndef MAPHERD_COMMAND_LEAKS_H
#define MAPHERD_COMMAND_LEAKS_H

#include "command/leaks/groups.h"
#include "command/lib/enough.h"
#include "command/lib/verb.h"
#include "command/watch/chosen.h"

/* The options that leaks and diff have in common. */
struct leaks_view {
    const char *by, *top, *least, *debug_dir;
    bool json, folded;
    bool all_frames;            /* --all-frames */
    enum group_by grouping;     /* --by */
    unsigned long most, growth; /* --top and --min-growth as numbers */
};

/* Reads by, top and least into the numbers, and checks whether the options go together. Returns
 * DONE, or MISUSED after a complaint. */
int leaks_view_read(const struct verb *v, struct leaks_view *view);

/* Opens the process or record that the user has named. Returns DONE, or FAILED after a complaint
 * that says why there is nothing to see. */
int leaks_open(struct live *l, const char *operand, const struct leaks_view *view);

/* The processes and records that the user has named: one by one, and those that belong together. */
struct leaks_asked {
    char **operands;
    int n;
    struct chosen chosen; /* by --children and --cgroup: some of them may have no record */
};

/* --start and --stop (on is false). Returns DONE, or FAILED after a complaint. */
int leaks_switch(const struct leaks_asked *asked, bool on);

/* --list: the records in the folders, or, if there are none, in the usual ones. */
int leaks_list(int folders, char **paths, bool json);

/* A sentence that says why a process has no record, and what to do; in memory of malloc. otherwise:
 * the reason if no other is found. */
char *leaks_why_none(pid_t pid, const char *otherwise);

/* Writes the operands to texts: those that the user has named, then those of the chosen processes
 * that the library is in. Says on stderr which of these it is not in. */
void leaks_operands(const struct leaks_asked *asked, struct texts *operands);

#endif
