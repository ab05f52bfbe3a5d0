/*
 * ps: the processes of the machine as one JSON object. top writes it too.
 */
#ifndef MAPHERD_PS_H
#define MAPHERD_PS_H

#include "command/watch/processes.h"

/* Writes one line. most: how many processes are listed; all are counted. */
void ps_json(const struct processes *p, size_t most);

/* Prints "3 processes could not be read: ...", or nothing if all could. */
void ps_print_unreadable(FILE *out, const struct processes *p);

/* The number that text, the value of a flag, gives. Ends the process with a complaint if it is
 * none from min to max. */
long ps_number(const struct verb *v, const char *flag, const char *text, long min, long max);

#endif
