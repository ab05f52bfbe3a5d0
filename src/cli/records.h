/*
 * records: the record files of a folder.
 */
#ifndef MAPHERD_CLI_RECORDS_H
#define MAPHERD_CLI_RECORDS_H

#include "cli/record.h"

/* Calls each for every record in the folder that may be read, by name. false, after a complaint, if
 * the folder cannot be read. What looks like a record and is none is passed by. */
bool records_each(const char *folder, void (*each)(const char *path, const struct record *r,
                                                   void *context), void *context);

/* The folder of a MAPHERD_DIR, which may have a name with % in it behind it. Good until the next call. */
const char *records_folder(const char *dir);

#endif
