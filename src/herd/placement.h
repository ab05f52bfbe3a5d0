/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * placement: the chunks of a file, side by side.
 *
 * The kernel merges neighbouring VMAs of one open file whose offsets continue each other (mm/vma.c,
 * can_vma_merge_after). It places mappings top-down, so chunks that are mapped in ascending order
 * never continue each other. Placement maps each chunk where it belongs in the window of its file
 * (space/windows.h), in three steps:
 *
 *   place    mmap at that address, with MAP_FIXED_NOREPLACE, from the program's own descriptor.
 *   compare  If the kernel did not merge the chunk with its neighbour, madvise changes its flags
 *            and changes them back, and the kernel compares the two again (overlayfs needs this).
 *   join     If they are still two VMAs, because they are of different open()s, the chunk is mapped
 *            anew from the file's master (space/masters.h). Chunks of one master merge in any
 *            order.
 *
 * The kernel alone decides whether two VMAs are equal: functions found by handle, raw system calls
 * and ioctls may have made of a neighbour what no hook has seen. A chunk that the program knows of
 * already is never changed.
 *
 * After a join the chunk belongs to another open file than the one that the program gave. A chunk
 * is joined from a level of pressure on (space/pressure.h), or where an option asks for it, and
 * only where no program can see the difference: the access mode and flags are the same, the
 * filesystem is local, and the file has no seals, no flock of the program and no OFD lock (these
 * two live as long as the open file).
 *
 * A file that one mapping covers from its beginning to its end is left to the kernel. So are the
 * first chunks of a file, until one continues another: a window costs page tables, and a small file
 * gains nothing by it. Until the program maps a part of a file that is not its beginning, placement
 * makes no system call for its mappings.
 */
#ifndef MAPHERD_PLACEMENT_H
#define MAPHERD_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/request.h"

struct region;

/* Switches placement on or off. While it is off, which it is at first, placement_map declines all
 * requests. Called once, before the hooks are live; takes no lock. */
void placement_switch(bool on);

/* The program has called mlockall with (on) or without MCL_FUTURE. While it is in force no chunk is
 * joined, because a master is not locked. Takes no lock; thread- and async-signal-safe. */
void placement_locks_future(bool on);

/* What placement_map returns if the caller is to make the mapping as the program asked. It is no
 * address and no error. */
#define PLACEMENT_DECLINED 1L

/*
 * Maps the request in its file's window, enters it in the model, and adds to the count of VMAs what
 * the mapping added. Returns its address; or PLACEMENT_DECLINED if nothing was done. If q->lone is
 * set then, the caller makes the mapping and calls placement_remember.
 *
 * Takes the model lock. The system calls that it makes under the lock are about mappings that it
 * has just made, and about locks on local files: they do no I/O.
 * Thread- and async-signal-safe.
 */
long placement_map(struct map_request *q);

/* Remembers r, the mapping of the request at the address that the kernel chose, so that placement
 * can see a later chunk continue it. Model lock held. */
void placement_remember(const struct map_request *q, struct region *r);

/* The program has called flock on this descriptor. Chunks of its file are no longer joined. Takes
 * the model lock. */
void placement_flocked(int fd);

/* Retires the masters of all files, before mlockall(MCL_CURRENT): a locked master would make locked
 * chunks. The end of the call unmaps them (placement_settle). Takes the model lock. */
void placement_retire_masters(void);

/* DUE_MASTERS (common/due.h): unmaps the masters that were retired. The caller holds no lock. Takes
 * the model lock. Returns true if some are left. */
bool placement_settle(void);

#endif
