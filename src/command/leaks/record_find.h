/*
 * record_find: finds the record of a running process, and writes to it what is wanted.
 */
#ifndef MAPHERD_COMMAND_RECORD_FIND_H
#define MAPHERD_COMMAND_RECORD_FIND_H

#include "command/leaks/record.h"
#include "command/watch/target.h"

#define RECORD_PATH 4200

/*
 * Opens the record that a process has mapped, through the mapping, so that its name need not exist
 * any more. Returns a descriptor, or -1; then record_problem() says why. path: RECORD_PATH bytes,
 * gets the name of the file as the process has it.
 */
int record_open_of(pid_t pid, int flags, char *path);

/* Reads the record of a running process, which may be in a container. NULL and *why as with
 * record_read. */
struct record *record_of(pid_t pid, const char **why);

/* Whether a record is that of a running process, a copy of it, or neither. RECORD_SAME also
 * where the process may not be looked at. */
enum record_match { RECORD_NONE, RECORD_COPY, RECORD_SAME };
enum record_match record_match(const struct record *r, pid_t pid);

/* Whether a process has the file of the record mapped. FILE_USE_UNKNOWN also if another file has
 * its name by now. */
enum file_use record_use(const struct record *r);

/*
 * Writes into the open record of a running process what is wanted of its recording. Closes fd in
 * every case. head receives the record's head as it was before. False: nothing was written, and
 * record_problem() says why.
 */
bool record_want(int fd, enum mapherd_record_wanted wanted, struct mapherd_record_head *head);

/* ---- the record files of a folder ---- */

/*
 * The record files of a folder.
 */

typedef void records_take(const char *path, const struct record *r, void *context);

/* Calls take for each record in the folder that may be read, in the order of names. Skips files
 * that look like records and are none. False, after a complaint, if the folder cannot be read. */
bool records_each(const char *folder, records_take *take, void *context);

/* records_each, for the folders that normally have records: $MAPHERD_DIR and /dev/shm. */
void records_each_usual(records_take *take, void *context);

#endif
