/*
 * group_text: prints groups of live mappings, and where they come from, for people and programs.
 */
#ifndef MAPHERD_COMMAND_GROUP_TEXT_H
#define MAPHERD_COMMAND_GROUP_TEXT_H

#include "command/leaks/groups.h"
#include "command/lib/print.h"

/* What was looked at: the process, how close it is to the limit, since when, and what is not
 * known. */
void group_print_head(const struct live *l, const struct groups *g);
void group_json_head(struct json *j, const struct live *l, const struct groups *g);

/* Prints "3,000 mappings, 3,000 maps, 11.7 MiB, 3 s to 12 min old". */
void group_print_numbers(const struct group *g, const struct live *l);

/* Prints what the mappings of the group have in common, a line of its files, and by stack the
 * lines of its stack. */
void group_print_origin(const struct group *g, const struct live *l, enum group_by by);

/* Writes the members of the group's object, without brackets. */
void group_json(struct json *j, const struct group *g, const struct live *l, enum group_by by);

/* Prints "outer;middle;inner count", as flamegraph.pl and speedscope read it. */
void group_fold(const struct group *g, const struct live *l, size_t count);

/* What could not be named, and why: as text, as JSON, and as complaints. */
void group_print_notes(const struct live *l);
void group_json_notes(struct json *j, const struct live *l);
void group_complain_notes(const struct live *l);

#endif
