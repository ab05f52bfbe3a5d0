/*
 * merge: did the kernel make one map of two neighbours?
 *
 * Never assumed: filesystems differ (overlayfs swaps the file after the kernel has looked for a
 * neighbour to merge with), and two open()s of one file are two files to it. Model lock held.
 */
#ifndef MAPHERD_MERGE_H
#define MAPHERD_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "space/regions.h"

/* Is the range part of one map? One system call, 0.24 us; false where a part of it is not mapped, and
 * also in locked memory. */
bool merge_one_map(uintptr_t start, uintptr_t end);

/* Are the pages on either side of border, both mapped, in one map? */
bool merge_at(uintptr_t border);

/*
 * Joins *r with the neighbours that are alike and that the kernel has merged it with; *r is then
 * the region that holds it. False if a neighbour that the kernel could merge it with is another
 * map. A neighbour that is retained counts as one, and is not joined to what is not.
 */
bool merge_settle(struct region **r);

#endif
