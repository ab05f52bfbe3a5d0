/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * chosen: processes that the user names together: a process and its descendants, or a cgroup.
 */
#ifndef MAPHERD_CHOSEN_H
#define MAPHERD_CHOSEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct chosen {
    pid_t *at; /* each once; in the order in which they were found */
    size_t n, room;
    long unseen; /* processes of a cgroup that are in another PID namespace: they have no id here */
};

/* Adds a process id, if it is not there already. */
void chosen_add(struct chosen *c, pid_t pid);

/* Adds a process and all its descendants. False, after a complaint, if there is no such process. */
bool chosen_children(struct chosen *c, const char *pid);

/* Adds the processes of a cgroup and of the cgroups in it. path: a folder, or a path as
 * /proc/PID/cgroup has it. False, after a complaint, if there is no such cgroup. */
bool chosen_cgroup(struct chosen *c, const char *path);

void chosen_free(struct chosen *c);

#endif
