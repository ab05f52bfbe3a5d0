/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * show: another limit than the kernel's, for programs that refuse to start below one of their own
 * (MAPHERD_SHOW_LIMIT).
 *
 * The program has opened /proc/sys/vm/max_map_count for reading. Its descriptor then becomes one of
 * a file in memory that holds the other number and that nobody can write. What the library itself
 * reads, it reads by system calls, and sees the kernel's.
 */
#ifndef MAPHERD_SHOW_H
#define MAPHERD_SHOW_H

#include <stdbool.h>

/* Whether another limit is to be shown, by the options. Logs why not, if one is given that cannot
 * be shown. For the constructor. */
bool show_start(void);

/* fd is of the limit's file, and was opened in this call. Where it is open for reading only, it
 * shows the other limit afterwards, at its beginning; else, and where that cannot be done, it stays
 * as it is. O_CLOEXEC stays. Thread- and async-signal-safe; waits as brief_open does. */
void show_over(int fd);

#endif
