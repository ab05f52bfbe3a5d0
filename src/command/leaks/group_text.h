/*
 * group_text: groups of live mappings, and where they come from, for people and programs.
 */
#ifndef MAPHERD_COMMAND_GROUP_TEXT_H
#define MAPHERD_COMMAND_GROUP_TEXT_H

#include "command/leaks/groups.h"
#include "command/lib/print.h"

/* What was looked at: who, how close to the limit, since when, what is not known. */
void group_print_head(const struct live *l, const struct groups *g);
void group_json_head(struct json *j, const struct live *l, const struct groups *g);

/* "3,000 mappings, 3,000 maps, 11.7 MiB, 3 s to 12 min old" */
void group_print_numbers(const struct group *g, const struct live *l);

/* What it has in common, a line of its files, and by stack the lines of its stack. */
void group_print_origin(const struct group *g, const struct live *l, enum group_by by);

/* Its members, without brackets. */
void group_json(struct json *j, const struct group *g, const struct live *l, enum group_by by);

/* "outer;middle;inner count", as flamegraph.pl and speedscope read it. */
void group_fold(const struct group *g, const struct live *l, size_t count);

/* What could not be named. */
void group_print_notes(const struct live *l);
void group_json_notes(struct json *j, const struct live *l);
void group_complain_notes(const struct live *l);

#endif
