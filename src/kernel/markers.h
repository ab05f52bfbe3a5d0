/*
 * markers: guard markers, and what the kernel says of them.
 *
 * MADV_GUARD_INSTALL (mm/madvise.c) drops the pages of a range and puts a marker in the place of each:
 * every access faults, a system call gets EFAULT, and no VMA is split. What was dirty in pages of a
 * file stays in the page cache. Private anonymous memory takes markers since Linux 6.13, every other
 * mapping but locked ones, huge pages and devices since 6.15. They survive fork, MADV_DONTNEED,
 * mprotect, truncation and holes punched into the file; munmap and MAP_FIXED take them away.
 *
 * What the kernel can show is asked of it by the PAGEMAP_SCAN ioctl (fs/proc/task_mmu.c), which knows
 * guard markers since the release in which mappings of files take them. All of it is thread- and
 * async-signal-safe and takes no lock; a question opens /proc/self/pagemap for its moment.
 */
#ifndef MAPHERD_MARKERS_H
#define MAPHERD_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel shows guard markers, and so takes them in mappings of files too. Asked once, by trying. */
bool markers_shown(void);

/* Every page of the range carries a marker now. False too where it cannot be asked. */
bool markers_all_over(uintptr_t start, uintptr_t end);

/*
 * Every page of the range, at most MARKERS_LOOK of them, holds nothing: no page, no marker, nothing in
 * swap. Of a page of a file it says only that this process has not touched it. False too where it cannot
 * be asked.
 */
#define MARKERS_LOOK 32
bool markers_nothing_there(uintptr_t start, uintptr_t end);

/*
 * Drops the pages of the range and marks it: 0, or the kernel's -errno. It stops at the first VMA that
 * takes none; in a range that is part of one VMA that means that nothing was done.
 */
long markers_put(uintptr_t start, uintptr_t end);

/* Takes markers away. Where there are none it does nothing. */
void markers_remove(uintptr_t start, uintptr_t end);

#endif
