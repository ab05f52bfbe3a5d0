/*
 * procstat: single numbers out of the small text files of /proc and /sys.
 *
 * For a call that has just failed: no allocation, no map, less than 1 KiB of stack, a descriptor
 * for as long as the reading takes. The numbers of one reading are one moment.
 */
#ifndef MAPHERD_PROCSTAT_H
#define MAPHERD_PROCSTAT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PROCSTAT_NONE ULONG_MAX /* the file or the label is not there */

/* The first number behind "label:". The label "" is the first number of the file. */
struct procstat {
    const char *label;
    unsigned long value;
    bool hex;
};

/* Sets the n values. Thread- and async-signal-safe. */
void procstat_read(const char *path, struct procstat *wanted, size_t n);

/* The number that a file of one number holds, as those of /proc/sys. */
unsigned long procstat_number(const char *path);

#endif
