/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sync: a loop of msync over the buffers of a file costs little more than one msync.
 *
 * MAPHERD_SYNC=auto syncs ahead, as the kernel reads ahead. When a thread syncs neighbouring ranges
 * of one file one after another, upwards or downwards, its next sync is widened over 1, 2, 4, 8 ...
 * of the ranges that follow in that direction. So their dirty pages reach the disk in few large
 * writes. When the thread gets to where the widened sync ended, the next one is widened. Every call
 * still reaches the kernel with all of its own range. The limits are:
 *
 *   - Never more is synced ahead than the run has asked for already, nor more than AHEAD_MAX. What
 *     is synced ahead halves when it takes longer than SLOW_MS.
 *   - The first two syncs of a run, and so a lone sync, are not widened.
 *   - A sync that comes GAP_MS or more after the one before is not widened: a thread that stores to
 *     a buffer, syncs it and goes on to the next has nothing ahead that is worth being written.
 *
 * MAPHERD_SYNC=fast also skips a range that a widened sync has written, if nothing has stored to
 * the file since. Its ctime tells (sync/stamps.h); between the reading of it and the sync there is
 * a fence (sync/stamps.h). doc/sync.md has the argument, and what it does not hold for. After an
 * error of a file, none of its syncs is widened or skipped any more.
 *
 * Only chunks in windows are synced so, because for other mappings the file is not known. btrfs is
 * left out: its kernel code does as much by itself.
 */
#ifndef MAPHERD_SYNC_H
#define MAPHERD_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/stamps.h"

/* What one msync(MS_SYNC) of the program becomes. */
struct sync_plan {
    uintptr_t addr, end;   /* the range of the program's call */
    uintptr_t start, stop; /* the range for the kernel: that, or more of the same VMA */
    bool skip;             /* the kernel is not asked, because all of it is on the disk */
    bool stamped;          /* before is the file's stamp, read and fenced before the sync */
    struct stamp before;
    bool whole;          /* ENOMEM was the answer, and not because of a hole */
    uint64_t last_unmap; /* of the file (space/files.h), when its chunks were looked up */
    dev_t dev;           /* the file, if known */
    ino_t ino;
    int fd;          /* a descriptor that was of the file once; -1: the file is not known */
    uint64_t offset; /* of start, in the file */
};

/* Plans the sync of [addr, end), which is page-aligned. The caller holds no lock; takes the model
 * lock, under which a widened sync of fast fences the file. */
void sync_plan(uintptr_t addr, uintptr_t end, struct sync_plan *p);

/*
 * The kernel has returned ENOMEM for [start, stop). Returns true if a hole was the reason:
 * something in it is not mapped, or was not while the kernel went over it. False: the disk has
 * refused a write. The caller holds no lock; takes the model lock.
 */
bool sync_met_hole(struct sync_plan *p);

/* The kernel has refused [start, stop), because something in it is not mapped any more. Makes it
 * the range of the program's call. */
void sync_narrow(struct sync_plan *p);

/*
 * The sync has taken ns nanoseconds. answer is the kernel's to [start, stop). An error becomes a
 * pending error (space/pending.h) of the ranges that were synced ahead, and of chunks that may
 * stand for other open files than the synced ones. The caller holds no lock; takes the model lock.
 */
void sync_done(const struct sync_plan *p, long answer, uint64_t ns);

#endif
