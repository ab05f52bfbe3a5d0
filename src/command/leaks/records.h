/*
 * records: the record files of a folder.
 */
#ifndef MAPHERD_COMMAND_RECORDS_H
#define MAPHERD_COMMAND_RECORDS_H

#include "command/leaks/record.h"

typedef void records_take(const char *path, const struct record *r, void *context);

/* Calls take for every record in the folder that may be read, by name. false, after a complaint, if
 * the folder cannot be read. What looks like a record and is none is passed by. */
bool records_each(const char *folder, records_take *take, void *context);

/* The same for where they are as a rule: in $MAPHERD_DIR and /dev/shm. */
void records_each_usual(records_take *take, void *context);

#endif
