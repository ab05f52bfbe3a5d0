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

#include "model/regions.h"

/* Are the pages on either side of border, both mapped, in one map? One system call, 0.24 us. */
bool merge_at(uintptr_t border);

/* Joins r with the neighbours that are alike and that the kernel has merged it with. True if no
 * alike neighbour is left that is another map. r stays valid if it is not joined to its left;
 * *r is then the region that has taken it over. */
bool merge_settle(struct region **r);

#endif
