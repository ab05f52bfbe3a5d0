/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * locks: see locks.h.
 */
#include "locks.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* The file behind the descriptor of this name is that one, and the process has such a lock on it. */
static bool has(pid_t pid, const char *descriptor, const struct stat *file, const char *kind)
{
    char path[64], line[256], is[16];
    struct stat st;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/fd/%.16s", (int)pid, descriptor);
    if (stat(path, &st) < 0 || st.st_dev != file->st_dev || st.st_ino != file->st_ino)
        return false;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%.16s", (int)pid, descriptor);
    FILE *info = fopen(path, "r");
    while (info && fgets(line, sizeof line, info))
        found |= sscanf(line, "lock: %*d: %15s", is) == 1 && strcmp(is, kind) == 0;
    if (info)
        fclose(info);
    return found;
}

bool holds_lock(pid_t pid, const struct stat *file, const char *kind)
{
    char path[64];
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *all = opendir(path);
    if (!all) {
        perror(path);
        return false;
    }
    for (struct dirent *one; !found && (one = readdir(all));)
        found = has(pid, one->d_name, file, kind);
    closedir(all);
    return found;
}
