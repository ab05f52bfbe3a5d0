/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * complaints: see complaints.h.
 */
#define _GNU_SOURCE
#include "tell/complaints.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "tell/log.h"
#include "tell/options.h"

#define COMPLAINTS_MAX 8

static struct {
    char lines[COMPLAINTS_MAX][400];
    unsigned count;
} complaints;

/* ---- what the parent process has told ---- */

struct parent {
    char path[32]; /* "/proc/PID/" */
    size_t len;
};

static const char *file_of(struct parent *p, const char *name)
{
    fmt(p->path + p->len, sizeof p->path - p->len, "%s", name);
    return p->path;
}

/* True if one of the strings in a file is the wanted one. Each of them ends with NUL. */
static bool file_has(const char *path, const char *wanted)
{
    char piece[512];
    size_t same = 0; /* bytes of wanted that the present string begins with */
    bool differs = false, found = false;
    long len, fd = brief_open(path, O_RDONLY, 0);
    while (fd >= 0 && !found && (len = sys_read((int)fd, piece, sizeof piece)) > 0)
        for (long i = 0; i < len && !found; i++) {
            differs |= piece[i] != wanted[same];
            found = !differs && !piece[i];
            same = differs || !piece[i] ? 0 : same + 1;
            differs &= piece[i] != '\0';
        }
    if (fd >= 0)
        brief_close((int)fd);
    return found;
}

/* The name as log_start has it of its process: the end of the first argument. */
static void read_name(const char *path, char *name, size_t size)
{
    char line[512];
    long fd = brief_open(path, O_RDONLY, 0);
    long len = fd < 0 ? fd : sys_read((int)fd, line, sizeof line - 1);
    if (fd >= 0)
        brief_close((int)fd);
    line[len > 0 ? len : 0] = '\0';
    const char *end = line;
    for (const char *slash; (slash = strchr(end, '/'));)
        end = slash + 1;
    fmt(name, size, "%s", end);
}

static bool is_library(const struct procmap *m, void *found)
{
    static const char end[] = "/libmapherd.so";
    const size_t len = sizeof end - 1;
    *(bool *)found = m->path_len >= len && memcmp(m->path + m->path_len - len, end, len) == 0;
    return !*(bool *)found;
}

static bool parent_has_told(char *const *environment)
{
    static const char prefix[] = "MAPHERD_";
    char name[256], buffer[8192];
    bool has_library = false;
    struct parent p;
    p.len = fmt(p.path, sizeof p.path, "/proc/%ld/", sys_getppid());
    for (char *const *e = environment; e && *e; e++)
        if (strncmp(*e, prefix, sizeof prefix - 1) == 0 && !file_has(file_of(&p, "environ"), *e))
            return false;
    read_name(file_of(&p, "cmdline"), name, sizeof name);
    if (!options_choose_program(name))
        return false;
    procmaps_scan(file_of(&p, "maps"), buffer, sizeof buffer, is_library, &has_library);
    return has_library;
}

/* ---- the complaints of this one ---- */

void complaints_add(const char *line)
{
    if (complaints.count < COMPLAINTS_MAX)
        fmt(complaints.lines[complaints.count], sizeof complaints.lines[0], "%s", line);
    complaints.count++;
}

void complaints_tell(char *const *environment)
{
    if (!complaints.count || parent_has_told(environment))
        return;
    for (unsigned i = 0; i < complaints.count && i < COMPLAINTS_MAX; i++)
        log_line(EVENT_option, "%s", complaints.lines[i]);
    if (complaints.count > COMPLAINTS_MAX)
        log_line(EVENT_options_more, "and %u more of that kind", complaints.count - COMPLAINTS_MAX);
}

void complaints_tell_one(char *const *environment, const char *line)
{
    if (!parent_has_told(environment))
        log_line(EVENT_option, "%s", line);
}
