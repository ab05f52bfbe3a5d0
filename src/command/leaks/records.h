/*
 * records: the record files of a folder.
 */
#ifndef MAPHERD_COMMAND_RECORDS_H
#define MAPHERD_COMMAND_RECORDS_H

#include "command/leaks/record.h"

typedef void records_take(const char *path, const struct record *r, void *context);

/* Calls take for each record in the folder that may be read, in the order of names. Skips files
 * that look like records and are none. False, after a complaint, if the folder cannot be read. */
bool records_each(const char *folder, records_take *take, void *context);

/* records_each, for the folders that normally have records: $MAPHERD_DIR and /dev/shm. */
void records_each_usual(records_take *take, void *context);

#endif
