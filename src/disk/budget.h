/*
 * budget: how much of a filesystem may be allocated ahead of need.
 *
 * Space that is allocated and not yet used is missing to everybody else: to the program itself, to
 * other processes, to the owner of a quota. Nobody keeps a sum of it that all processes could trust,
 * so the rule needs none:
 *
 *   - MAPHERD_PREALLOC_KEEP of the filesystem, and of each quota that the file's owner has, stays
 *     free. All processes together, at once or one after the other, cannot take more than what lies
 *     above that line.
 *   - A process may have MAPHERD_PREALLOC_SHARE of what lies above it now, over all its files. N
 *     processes together have at most 1 - (1 - share)^N of it.
 *
 * Thread- and async-signal-safe, no lock is taken. A forked child goes on with its parent's sum.
 */
#ifndef MAPHERD_BUDGET_H
#define MAPHERD_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "kernel/sys.h"

/* What the filesystem and the quotas leave, in bytes: the least of all. */
struct budget_room {
    uint64_t left;     /* that can still be taken at all */
    uint64_t above;    /* that lies above what is to stay free */
    const char *quota; /* whose left is the least: "user", "group", "project"; NULL: the filesystem */
};

/*
 * The room for the file behind fd, whose fstat is st, on a filesystem with this space. False where
 * quotas may be in force that cannot be asked for (quota.h): then nothing may be taken.
 */
bool budget_room(int fd, const struct stat *st, const struct sys_space *space,
                 struct budget_room *room);

/* What this process may still take on a filesystem (st_dev). */
uint64_t budget_left(dev_t device, const struct budget_room *room);

/* Takes bytes on a filesystem (st_dev) out of this process's share. False if that is too small. */
bool budget_take(dev_t device, uint64_t bytes, const struct budget_room *room);

/* bytes that were taken are not allocated any more, or are in use. */
void budget_return(dev_t device, uint64_t bytes);

#endif
