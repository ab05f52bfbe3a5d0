/*
 * leaks: what `mapherd leaks` and `mapherd diff` have in common.
 */
#ifndef MAPHERD_COMMAND_LEAKS_H
#define MAPHERD_COMMAND_LEAKS_H

#include "command/lib/verb.h"

/* The same options for leaks and diff. */
struct leaks_view {
    const char *by, *top, *least, *debug_dir;
    bool json, folded;
    unsigned grouping; /* enum group_by */
    unsigned long most, growth; /* --top and --min-growth as numbers */
};

/* Reads by, top and least, and whether they go together: DONE, or MISUSED with a complaint. */
int leaks_view_read(const struct verb *v, struct leaks_view *view);

/* Opens what the user named, or says why there is nothing to be seen: DONE or FAILED. */
struct live;
int leaks_open(struct live *l, const char *operand, const char *debug_dir);

/* Why a process keeps no record, and what to do: a complaint. */
void leaks_explain_none(int pid, const char *otherwise);

#endif
