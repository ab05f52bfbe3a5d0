/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * budget: how much of a filesystem may be allocated ahead of need.
 *
 * Space that is allocated and not yet used is not free for others: the program itself, other
 * processes, the owner of a quota. No process keeps a sum of it that all could trust, so the rule
 * needs none:
 *
 *   - MAPHERD_PREALLOC_KEEP of the filesystem, and of each quota of the file's owner, stays free.
 *     All processes, at once or one after the other, can take no more than what lies above that
 *     line.
 *   - A process may take MAPHERD_PREALLOC_SHARE of what lies above it now, for all its files. N
 *     processes together have at most 1 - (1 - share)^N of it.
 *
 * All functions are thread- and async-signal-safe and take no lock. A forked child goes on with its
 * parent's sum.
 */
#ifndef MAPHERD_BUDGET_H
#define MAPHERD_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "kernel/sys.h"

/* What the filesystem and the quotas leave, in bytes: the least of all. */
struct budget_room {
    uint64_t left;     /* that can be taken at all */
    uint64_t above;    /* that lies above what is to stay free */
    const char *quota; /* the one that leaves the least: "user", "group", "project"; NULL: none, the
                          filesystem leaves the least */
};

/*
 * Finds the room for the file behind fd. st is its fstat, and space is its filesystem's. Returns
 * false if quotas may be in force that cannot be asked for (quotactl(2)): then nothing may be
 * taken.
 */
bool budget_room(int fd, const struct stat *st, const struct sys_space *space,
                 struct budget_room *room);

/* Returns the bytes that this process may still take on the filesystem device (st_dev). */
uint64_t budget_left(dev_t device, const struct budget_room *room);

/* Takes bytes out of this process's share of the filesystem. Returns false if the share is too
 * small. */
bool budget_take(dev_t device, uint64_t bytes, const struct budget_room *room);

/* Returns bytes to the share: they are not allocated any more, or are in use now. */
void budget_return(dev_t device, uint64_t bytes);

/* ---- quotas ---- */

/*
 * How much of a filesystem the owner of a file may still take.
 *
 * A filesystem may limit the space of a user, of a group and of a project (quotactl(2)). statfs(2)
 * shows these limits only on some filesystems and for some folders, so the kernel is asked for
 * them.
 */

enum { QUOTA_KINDS = 3 };

/* A limit that is in force, in bytes. It is the soft limit where there is one, because the time of
 * grace runs out above it. */
struct quota {
    const char *whose; /* "user", "group", "project" */
    uint64_t limit, left;
};

/*
 * Finds the limits for the file behind fd. st is its fstat, and type its filesystem's (statfs(2)).
 * Returns how many there are, 0 to QUOTA_KINDS; or -EPERM if there may be some that this process
 * cannot ask for:
 *
 *   - The mount has quotas, and the file is of another owner, the kernel has no quotactl_fd(2)
 *     (before Linux 5.14), or a seccomp filter is in force, which might kill for that call.
 *   - The filesystem is a btrfs with qgroups, of which only root may ask.
 *
 * Reads /proc/self/mountinfo once for each filesystem (mounts.h), and opens nothing else. Takes no
 * lock; thread- and async-signal-safe; uses less than 2 KiB of stack.
 */
long quotas_of(int fd, const struct stat *st, long type, struct quota found[QUOTA_KINDS]);

#endif
