/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mounts: a reader of mountinfo.
 *
 * A line may be longer than the stack of a signal handler has room for: that of an overlayfs lists
 * all its layers. So each is read letter by letter, and only the fields that are needed are kept.
 *
 *   36 35 98:0 /root /mount/point rw,noatime shared:1 - ext3 /dev/root rw,errors=continue
 *   0  1  2    3     4            5          ...      - type source    options
 */
#define _GNU_SOURCE
#include "kernel/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/sys.h"

#define MOUNTINFO "/proc/self/mountinfo"

enum { DEVICE = 2, POINT = 4, ACCESS = 5, OPTIONAL = 6, TYPE = 100, OPTIONS = TYPE + 2 };

struct line {
    char device[24], point[256], access[4], type[24], option[24];
    size_t len; /* of the present field or option */
    int field;  /* its number; from TYPE on behind the dash, because the fields before it vary */
    bool quotas;
    bool is_dash; /* the present field is "-" so far */
    int octal;    /* how many digits of an escape are still to come: \040 is a space */
    char escape;
};

struct search {
    const char *device, *path;
    struct line line;
    struct mount_words *best;
    int best_rank; /* 0: none yet */
    size_t best_len;
};

static void put(char *to, size_t size, size_t at, char c)
{
    if (at < size - 1) {
        to[at] = c;
        to[at + 1] = '\0';
    }
}

static void keep(struct line *l, char c)
{
    if (l->field == TYPE)
        put(l->type, sizeof l->type, l->len, c);
    else if (l->field == OPTIONS)
        put(l->option, sizeof l->option, l->len, c);
    else if (l->field == DEVICE)
        put(l->device, sizeof l->device, l->len, c);
    else if (l->field == POINT)
        put(l->point, sizeof l->point, l->len, c);
    else if (l->field == ACCESS)
        put(l->access, sizeof l->access, l->len, c);
    l->len++;
}

/* Takes an option as ext4, xfs and f2fs print it: "usrquota", "grpjquota=aquota.group",
 * "uqnoenforce". */
static void end_option(struct line *l)
{
    static const char *const names[] = { "quota",       "usrquota",   "usrjquota", "grpquota",
                                         "grpjquota",   "prjquota",   "prjjquota", "uqnoenforce",
                                         "gqnoenforce", "pqnoenforce" };
    char *value = strchr(l->option, '=');
    if (value)
        *value = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        l->quotas |= strcmp(l->option, names[i]) == 0;
    l->option[0] = '\0';
    l->len = 0;
}

static void step(struct line *l, char c)
{
    if (c == ' ') {
        l->field = l->field >= OPTIONAL && l->field < TYPE && l->is_dash && l->len == 1
                       ? TYPE
                       : l->field + 1;
        l->len = 0;
        return;
    }
    if (c == ',' && l->field == OPTIONS) {
        end_option(l);
        return;
    }
    if (l->octal) {
        l->escape = (char)((unsigned char)l->escape << 3 | (unsigned char)(c - '0'));
        if (--l->octal == 0)
            keep(l, l->escape);
        return;
    }
    if (c == '\\') {
        l->octal = 3;
        l->escape = 0;
        return;
    }
    l->is_dash = l->len == 0 && c == '-';
    keep(l, c);
}

static bool is_below(const char *path, const char *point)
{
    size_t len = strlen(point);
    return path && (len == 1 ||
                    (strncmp(path, point, len) == 0 && (path[len] == '/' || path[len] == '\0')));
}

/* Takes a line that fits better than the best so far: device and path rank before the device alone,
 * and that before the path alone. Among equal ones with a path, the last line is mounted over the
 * others; without a path, the shortest is the mount itself. */
static void take(struct search *s)
{
    struct line *l = &s->line;
    end_option(l);
    bool same = strcmp(l->device, s->device) == 0, below = is_below(s->path, l->point);
    int rank = same ? 2 + below : below;
    size_t len = strlen(l->point);
    bool better = rank == s->best_rank && (below ? len >= s->best_len : len < s->best_len);
    if (rank && l->type[0] && (rank > s->best_rank || better)) {
        s->best_rank = rank;
        s->best_len = len;
        memcpy(s->best->type, l->type, sizeof l->type);
        memcpy(s->best->point, l->point, sizeof l->point);
        s->best->quotas = l->quotas;
        s->best->read_only = strcmp(l->access, "ro") == 0 || strcmp(l->access, "ro,") == 0;
    }
    memset(l, 0, sizeof *l);
}

static void search(struct search *s, int fd)
{
    char piece[256];
    long got;
    while ((got = sys_read(fd, piece, sizeof piece)) > 0 || got == -EINTR) {
        for (long i = 0; i < got; i++) {
            if (piece[i] == '\n')
                take(s);
            else
                step(&s->line, piece[i]);
        }
    }
}

/* True for memory whose path in /proc/self/maps looks like that of a file. */
static bool is_nowhere(const char *path)
{
    return path && (strncmp(path, "/memfd:", 7) == 0 || strncmp(path, "/SYSV", 5) == 0 ||
                    strncmp(path, "/dev/zero", 9) == 0 || path[0] != '/');
}

bool mounts_read_only(const char *path)
{
    struct mount_words words = { .size = 0 };
    struct search s = { .device = "", .path = path, .best = &words };
    long fd = brief_open(MOUNTINFO, O_RDONLY, 0);
    if (fd < 0)
        return false;
    search(&s, (int)fd);
    brief_close((int)fd);
    return words.read_only;
}

bool mounts_describe(dev_t dev, const char *path, struct mount_words *out)
{
    char device[24];
    struct search s = { .device = device, .path = path, .best = out };
    *out = (struct mount_words){ .size = 0 };
    if (is_nowhere(path))
        return false;
    long fd = brief_open(MOUNTINFO, O_RDONLY, 0);
    if (fd < 0)
        return false;
    fmt(device, sizeof device, "%u:%u", major(dev), minor(dev));
    search(&s, (int)fd);
    brief_close((int)fd);
    struct sys_space space;
    if (s.best_rank && sys_statfs(out->point, &space) == 0) {
        out->size = space.size;
        out->free = space.free;
    }
    return s.best_rank;
}

const char *mounts_remedy(const struct mount_words *words)
{
    if (strcmp(words->type, "tmpfs") != 0)
        return "";
    if (strcmp(words->point, "/dev/shm") == 0)
        return "docker run --shm-size=SIZE makes it larger, in Kubernetes an emptyDir with medium: "
               "Memory and a sizeLimit mounted there, else mount -o remount,size=SIZE /dev/shm";
    return "mount -o remount,size=SIZE makes it larger";
}

struct size_words size_in_words(uint64_t bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
    struct size_words words;
    unsigned unit = 0, shift = 10;
    for (; unit < 3 && bytes >> shift >= 1024; unit++)
        shift += 10;
    unsigned long whole = bytes >> shift, tenth = (bytes >> (shift - 10) & 1023) * 10 / 1024;
    if (bytes < 1024)
        fmt(words.text, sizeof words.text, "%lu bytes", (unsigned long)bytes);
    else if (whole < 10 && tenth)
        fmt(words.text, sizeof words.text, "%lu.%lu %s", whole, tenth, units[unit]);
    else
        fmt(words.text, sizeof words.text, "%lu %s", whole, units[unit]);
    return words;
}
