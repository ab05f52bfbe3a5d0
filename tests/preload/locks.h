/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * locks: which locks and leases a process has on a file.
 *
 * Its descriptors are asked (/proc/PID/fdinfo). An open of a file with spilled pages would wait for
 * space, and /proc/locks leaves lines out while other processes take locks.
 */
#ifndef MAPHERD_TESTS_LOCKS_H
#define MAPHERD_TESTS_LOCKS_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The process has one of this kind ("POSIX", "LEASE": proc_locks(5)) on the file. */
bool holds_lock(pid_t pid, const struct stat *file, const char *kind);

#endif
