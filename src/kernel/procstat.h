/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * procstat: single numbers out of the small text files of /proc and /sys.
 *
 * It is for a call that has just failed: nothing is allocated or mapped, less than 1 KiB of stack
 * is used, and a descriptor is open only meanwhile (brief.h). Thread- and async-signal-safe; no
 * lock.
 */
#ifndef MAPHERD_PROCSTAT_H
#define MAPHERD_PROCSTAT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PROCSTAT_NONE ULONG_MAX /* the file or the label is not there */

/* What to look for: the first number behind "label:", or with the label "" the first number of the
 * file. */
struct procstat {
    const char *label;
    unsigned long value; /* as the file has it, in whatever unit */
    bool hex;            /* the number is hexadecimal */
};

/* Sets the values of n numbers of the file at path, or PROCSTAT_NONE. */
void procstat_read(const char *path, struct procstat *wanted, size_t n);

/* Returns the number in a file that holds one number, such as those of /proc/sys; or
 * PROCSTAT_NONE. */
unsigned long procstat_number(const char *path);

/* The machine's pool of huge pages of one size (admin-guide/mm/hugetlbpage.rst). */
struct hugepool {
    unsigned long page;                  /* in KiB */
    unsigned long total, free, reserved; /* in pages; reserved pages are among the free ones */
    bool usual;                          /* the size of MAP_HUGETLB alone, in /proc/meminfo */
};

/* Reads the pool of pages of 1 << shift bytes (the bits at MAP_HUGE_SHIFT of mmap's flags); shift 0
 * is the usual size. Returns false if it cannot be read. Takes no lock; thread- and
 * async-signal-safe. */
bool hugepool_read(unsigned shift, struct hugepool *pool);

#endif
