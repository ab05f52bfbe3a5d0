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
 * false if quotas may be in force that cannot be asked for (quota.h): then nothing may be taken.
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

#endif
