/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sysctld: see sysctld.h.
 */
#define _GNU_SOURCE
#include "command/host/sysctld.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* "-vm/max_map_count = 262144" is a line for "vm.max_map_count": '-' says that an error is none. */
static bool sets(const char *line, const char *name, long *value)
{
    char *end;
    line += strspn(line, " \t");
    line += *line == '-';
    for (; *name; name++, line++)
        if (*line != *name && !(*name == '.' && *line == '/'))
            return false;
    line += strspn(line, " \t");
    if (*line != '=')
        return false;
    *value = strtol(line + 1, &end, 10);
    return end > line + 1;
}

/* The last line of a file that sets it. */
static bool read_value(const char *path, const char *name, long *value)
{
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && getline(&line, &room, file) > 0)
        found |= sets(line, name, value);
    free(line);
    if (file)
        fclose(file);
    return found;
}

static bool is_hidden(const glob_t *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(base(files->gl_pathv[i]), base(files->gl_pathv[n])) == 0)
            return true;
    return false;
}

static void keep(struct sysctld *into, const char *path, long value)
{
    snprintf(into->path, sizeof into->path, "%s", path);
    into->value = value;
}

bool sysctld_find(const char *name, struct sysctld *last, struct sysctld *most)
{
    static const char *const folders[] = { "/etc/sysctl.d/*.conf", "/run/sysctl.d/*.conf",
                                           "/usr/local/lib/sysctl.d/*.conf",
                                           "/usr/lib/sysctl.d/*.conf", "/lib/sysctl.d/*.conf" };
    glob_t files = { .gl_pathc = 0 };
    bool found = false;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        glob(folders[i], i ? GLOB_APPEND : 0, NULL, &files);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i];
        long value;
        if (is_hidden(&files, i) || !read_value(path, name, &value))
            continue;
        if (!found || strcmp(base(path), base(last->path)) > 0)
            keep(last, path, value);
        if (!found || value > most->value)
            keep(most, path, value);
        found = true;
    }
    globfree(&files);
    return found;
}
