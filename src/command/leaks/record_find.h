/*
 * record_find: which file is the record of a running process, and what it is told.
 */
#ifndef MAPHERD_COMMAND_RECORD_FIND_H
#define MAPHERD_COMMAND_RECORD_FIND_H

#include "command/leaks/record.h"
#include "command/watch/maker.h"

#define RECORD_PATH 4200

/* The record that a process has mapped, opened where it is mapped, whatever has become of its name.
 * path: RECORD_PATH bytes, its name as the process has it. */
int record_open_of(pid_t pid, int flags, char *path);

/* The record of a running process: found by what it has mapped, also in a container. NULL and *why as
 * record_read. */
struct record *record_of(pid_t pid, const char **why);

/* What a record is to a process that runs: its own, a copy of its own, or neither. Where the process
 * may not be looked at, it is its own. */
enum record_match { RECORD_NONE, RECORD_COPY, RECORD_SAME };
enum record_match record_match(const struct record *r, pid_t pid);

/* Whether a process has the file of the record mapped. Not known also where the file is another by now. */
enum file_use record_use(const struct record *r);

/*
 * Writes into the open record of a running process what is wanted of its recording. Closes fd in every
 * case. head receives the record's head as it was before. False: nothing was written, and
 * record_problem() says why.
 */
bool record_want(int fd, enum mapherd_record_wanted wanted, struct mapherd_record_head *head);

#endif
