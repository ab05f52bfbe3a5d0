/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * chosen: see chosen.h.
 */
#define _GNU_SOURCE
#include "command/watch/chosen.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/verb.h"

void chosen_add(struct chosen *c, pid_t pid)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i] == pid)
            return;
    c->at = enough_room(c->at, c->n, &c->room, sizeof *c->at);
    c->at[c->n++] = pid;
}

void chosen_free(struct chosen *c)
{
    free(c->at);
    *c = (struct chosen){ 0 };
}

/* ---- descendants ---- */

struct kin {
    pid_t pid, parent;
};

/* The name in /proc/PID/stat may have any characters: the last ')' ends it. */
static bool read_kin(const char *name, struct kin *kin)
{
    char path[280], text[512];
    snprintf(path, sizeof path, "/proc/%s/stat", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    const char *behind = strrchr(text, ')');
    kin->pid = (pid_t)strtol(name, NULL, 10);
    return behind && sscanf(behind + 1, " %*c %d", &kin->parent) == 1;
}

/* All processes, in memory of malloc. */
static struct kin *read_all(size_t *n)
{
    struct kin *all = NULL;
    size_t room = 0;
    DIR *proc = opendir("/proc");
    *n = 0;
    for (const struct dirent *entry; proc && (entry = readdir(proc));) {
        all = enough_room(all, *n, &room, sizeof *all);
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && read_kin(entry->d_name, &all[*n]))
            ++*n;
    }
    if (proc)
        closedir(proc);
    return all;
}

bool chosen_children(struct chosen *c, const char *pid)
{
    struct kin one;
    char *end;
    long id = strtol(pid, &end, 10);
    if (*end || id < 1 || id > INT_MAX || !read_kin(pid, &one)) {
        complain("--children '%s': there is no process of that id", pid);
        return false;
    }
    size_t n, from = c->n;
    struct kin *all = read_all(&n);
    chosen_add(c, one.pid);
    for (size_t i = from; i < c->n; i++)
        for (size_t k = 0; k < n; k++)
            if (all[k].parent == c->at[i])
                chosen_add(c, all[k].pid);
    free(all);
    return true;
}

/* ---- a cgroup ---- */

#define ROOT "/sys/fs/cgroup" /* of version 2, or with a folder for each hierarchy of version 1 */

static FILE *open_processes(const char *folder)
{
    char *path = enough_text("%s/cgroup.procs", folder);
    FILE *f = fopen(path, "re");
    free(path);
    return f;
}

/* Adds the processes of a folder, and of those in it. */
static void take_folder(struct chosen *c, const char *folder)
{
    FILE *f = open_processes(folder);
    for (int pid; f && fscanf(f, "%d", &pid) == 1;) {
        if (pid > 0)
            chosen_add(c, pid);
        else
            c->unseen++;
    }
    if (f)
        fclose(f);
    DIR *within = opendir(folder);
    for (const struct dirent *entry; within && (entry = readdir(within));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        char *path = enough_text("%s/%s", folder, entry->d_name);
        take_folder(c, path);
        free(path);
    }
    if (within)
        closedir(within);
}

/* Whether the folder that the printf-like words name is a cgroup: it is *folder then. */
__attribute__((format(printf, 2, 3))) static bool try_folder(char **folder, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *path = enough_vtext(format, args);
    va_end(args);
    FILE *f = open_processes(path);
    if (!f) {
        free(path);
        return false;
    }
    fclose(f);
    *folder = path;
    return true;
}

/* In a hierarchy of version 1: in that of systemd, which has all processes, or in any other. */
static bool try_hierarchies(char **folder, const char *path)
{
    bool found = try_folder(folder, ROOT "/unified/%s", path) ||
                 try_folder(folder, ROOT "/systemd/%s", path);
    DIR *root = opendir(ROOT);
    for (const struct dirent *entry; !found && root && (entry = readdir(root));)
        if (entry->d_name[0] != '.')
            found = try_folder(folder, ROOT "/%s/%s", entry->d_name, path);
    if (root)
        closedir(root);
    return found;
}

bool chosen_cgroup(struct chosen *c, const char *path)
{
    char *folder;
    if (!try_folder(&folder, "%s", path) && !try_folder(&folder, ROOT "/%s", path) &&
        !try_hierarchies(&folder, path)) {
        complain("--cgroup '%s': there is no cgroup of that path; that of a process is in "
                 "/proc/PID/cgroup",
                 path);
        return false;
    }
    take_folder(c, folder);
    free(folder);
    return true;
}
