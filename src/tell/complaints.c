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
#include <sys/stat.h>
#include <unistd.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/procstat.h"
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

/* Whether the parent's lines go where those of this process go. */
static bool is_heard_there(struct parent *p)
{
    struct stat own, of_parent;
    long fd = brief_open(file_of(p, "fd/2"), O_PATH, 0);
    bool same = fd >= 0 && sys_fstat(STDERR_FILENO, &own) == 0 &&
                sys_fstat((int)fd, &of_parent) == 0 && own.st_dev == of_parent.st_dev &&
                own.st_ino == of_parent.st_ino;
    if (fd >= 0)
        brief_close((int)fd);
    return same && words_equal(options.log, words_text("stderr"));
}

/* A parent with the same settings and the same LD_PRELOAD has told, if it is a program that the
 * library works in. */
static bool parent_has_told(char *const *environment)
{
    static const char settings[] = "MAPHERD_", preload[] = "LD_PRELOAD=";
    struct procstat status = { .label = "PPid" };
    char name[256];
    struct parent p;
    procstat_read("/proc/self/status", &status, 1);
    if (status.value == PROCSTAT_NONE || !status.value)
        return false;
    p.len = fmt(p.path, sizeof p.path, "/proc/%lu/", status.value);
    if (!is_heard_there(&p))
        return false;
    for (char *const *e = environment; e && *e; e++)
        if ((strncmp(*e, settings, sizeof settings - 1) == 0 ||
             strncmp(*e, preload, sizeof preload - 1) == 0) &&
            !file_has(file_of(&p, "environ"), *e))
            return false;
    read_name(file_of(&p, "cmdline"), name, sizeof name);
    return options_choose_program(name);
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
