/*
 * sync: a loop of msync over the buffers of a file costs little more than one.
 *
 * MAPHERD_SYNC=auto, sync-ahead, the mirror of read-ahead: a thread that syncs neighbouring ranges
 * of one file one after another, upwards or downwards, has the next sync widened over 1, 2, 4, 8
 * ... of the ranges that come next in that direction, so that their dirty pages reach the disk in
 * few large writes. When the thread gets to where that ended, the next one is widened. Every call
 * still reaches the kernel, with all of its own range. Bounds: what is synced ahead is never more
 * than what the run has asked for already, never more than AHEAD_MAX, and halves when it takes
 * longer than SLOW_MS. The first two syncs of a run, and so any sync alone, are never widened, and
 * neither is one that comes GAP_MS or more after the one before: a thread that stores to a buffer,
 * syncs it and goes on to the next has nothing ahead that would not be written again.
 *
 * fast, besides: a range that a widened sync covered is skipped if nothing has stored to the file
 * since, by its ctime (sync/stamps.h) with the fence (sync/fence.h) between the reading of it
 * and the sync. doc/sync.md has the argument and the holes. Of a file that had an error nothing is
 * widened or skipped any more.
 *
 * Only chunks in windows: of other maps the file is not known. Not on btrfs, where the kernel does
 * as much by itself.
 */
#ifndef MAPHERD_SYNC_H
#define MAPHERD_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/stamps.h"

/* What one MS_SYNC of the program becomes. */
struct sync_plan {
    uintptr_t addr, end;   /* what the program asked for */
    uintptr_t start, stop; /* what the kernel is to be asked for: that, or more of the same map */
    bool skip;             /* nothing, for all of it is on the disk */
    bool stamped;          /* before is the file's stamp, read and fenced before the sync */
    struct stamp before;
    dev_t dev;             /* the file, where known: fd >= 0 then was a descriptor of it once */
    ino_t ino;
    int fd;
    uint64_t offset;       /* in the file, of start */
};

/* Before the sync. No lock held; takes the model lock, and in a widened sync of `fast` fences the
 * file under it. addr and end are page-aligned (call_is_valid). */
void sync_plan(uintptr_t addr, uintptr_t end, struct sync_plan *p);

/*
 * The sync is done. answer: what the kernel said to all of [start, stop), and if that was ENOMEM,
 * to [addr, end) alone; ns: how long it took. An error is kept for the owners of what was synced
 * for others than the caller, and of maps that may stand for other open files than this one
 * (space/pending.h). No lock held.
 */
void sync_done(const struct sync_plan *p, long answer, uint64_t ns);

#endif
