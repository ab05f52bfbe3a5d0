/*
 * leaks: what the verbs leaks and diff have in common.
 */
#ifndef MAPHERD_COMMAND_LEAKS_H
#define MAPHERD_COMMAND_LEAKS_H

#include "command/leaks/groups.h"
#include "command/lib/verb.h"

/* The options that leaks and diff have in common. */
struct leaks_view {
    const char *by, *top, *least, *debug_dir;
    bool json, folded;
    enum group_by grouping;     /* --by */
    unsigned long most, growth; /* --top and --min-growth as numbers */
};

/* Reads by, top and least into the numbers, and checks whether the options go together. Returns
 * DONE, or MISUSED after a complaint. */
int leaks_view_read(const struct verb *v, struct leaks_view *view);

/* Opens the process or record that the user has named. Returns DONE, or FAILED after a complaint
 * that says why there is nothing to see. */
int leaks_open(struct live *l, const char *operand, const char *debug_dir);

#endif
