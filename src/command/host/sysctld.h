/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sysctld: what the files of sysctl.d(5) set at the start of this host.
 */
#ifndef MAPHERD_SYSCTLD_H
#define MAPHERD_SYSCTLD_H

#include <limits.h>
#include <stdbool.h>

/* A value and the file that has it. */
struct sysctld {
    char path[PATH_MAX];
    long value;
};

/*
 * Finds what systemd-sysctl(8) sets a number to, such as "vm.max_map_count". *last is what holds in
 * the end, and *most the highest value among the files. False if no file sets it.
 *
 * Files have an order by their names, and each overrides those before it. A file hides those of the
 * same name in the folders behind its own.
 */
bool sysctld_find(const char *name, struct sysctld *last, struct sysctld *most);

#endif
