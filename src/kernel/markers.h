/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * markers: guard markers, and what the kernel shows of them.
 *
 * MADV_GUARD_INSTALL (mm/madvise.c) drops the pages of a range and puts a marker in the place of
 * each. Then every access faults and a system call gets EFAULT, but no VMA is split. Dirty pages of
 * a file stay in the page cache. Private anonymous memory takes markers since Linux 6.13. Every
 * other mapping takes them since 6.15, except locked ones, huge pages and devices. They survive
 * fork, MADV_DONTNEED, mprotect, truncation, and holes punched into the file. munmap and MAP_FIXED
 * remove them.
 *
 * The PAGEMAP_SCAN ioctl (fs/proc/task_mmu.c) shows them, since the release in which mappings of
 * files take them. Every function is thread- and async-signal-safe and takes no lock. A question
 * opens /proc/self/pagemap for a moment (brief.h).
 */
#ifndef MAPHERD_MARKERS_H
#define MAPHERD_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the kernel shows guard markers, and thus takes them in mappings of files too. The first
 * call tries. */
bool markers_shown(void);

/* True if every page of the range has a marker now. False also where the kernel cannot be asked. */
bool markers_all_over(uintptr_t start, uintptr_t end);

/*
 * True if no page of the range, which has at most MARKERS_LOOK pages, is present, swapped out or
 * marked. For a page of a file that says only that this process has not touched it. False also
 * where the kernel cannot be asked.
 */
#define MARKERS_LOOK 32
bool markers_nothing_there(uintptr_t start, uintptr_t end);

/* True if a page of the range is in the page tables of this process, by a descriptor of
 * /proc/self/pagemap. False also where the kernel cannot be asked (before Linux 6.7). */
bool markers_present(int pagemap, uintptr_t start, uintptr_t end);

/*
 * Drops the pages of the range and marks them. Returns 0, or the kernel's -errno. The kernel stops
 * at the first VMA that takes no markers. So where the range lies in one VMA, an error means that
 * nothing was done.
 */
long markers_put(uintptr_t start, uintptr_t end);

/* Removes the markers of the range. Does nothing where there are none. */
void markers_remove(uintptr_t start, uintptr_t end);

#endif
