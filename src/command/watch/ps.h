/*
 * ps: the processes of the machine as one JSON object, which top writes too.
 */
#ifndef MAPHERD_PS_H
#define MAPHERD_PS_H

#include "command/watch/processes.h"

/* One line. most: how many processes are listed, all are counted. */
void ps_json(const struct processes *p, size_t most);

/* "3 processes could not be read: ..."; nothing if all could. */
void ps_print_unreadable(FILE *out, const struct processes *p);

/* A number of a verb's flag, min..max; ends the process with a complaint where it is none. */
long ps_number(const struct verb *v, const char *flag, const char *text, long min, long max);

#endif
