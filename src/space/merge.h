/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * merge: has the kernel merged two neighbours into one VMA?
 *
 * The library never assumes it. Filesystems differ: overlayfs replaces the file after the kernel
 * has looked for a neighbour to merge with. And for the kernel, two open()s of one file are two
 * files. Every function but merge_one_vma needs the model lock.
 */
#ifndef MAPHERD_MERGE_H
#define MAPHERD_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "space/regions.h"

/* True if the range lies in one VMA. False also where a part of it is not mapped, and in locked
 * memory. One system call of 0.24 us. */
bool merge_one_vma(uintptr_t start, uintptr_t end);

/* True if the pages on both sides of border are mapped and lie in one VMA. */
bool merge_at(uintptr_t border);

/*
 * Joins *r with those of its two neighbours that are alike and that the kernel has merged with it.
 * *r is then the region that contains it. False if a neighbour that the kernel could merge with it
 * is another VMA. A retained neighbour counts too, but a retained region and another one are never
 * joined.
 */
bool merge_settle(struct region **r);

#endif
