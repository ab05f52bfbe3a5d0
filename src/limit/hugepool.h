/*
 * hugepool: the machine's pool of huge pages of one size (admin-guide/mm/hugetlbpage.rst).
 */
#ifndef MAPHERD_HUGEPOOL_H
#define MAPHERD_HUGEPOOL_H

#include <stdbool.h>

struct hugepool {
    unsigned long page;                  /* in KiB */
    unsigned long total, free, reserved; /* in pages; what is reserved is among the free */
    bool usual;                          /* the size of MAP_HUGETLB alone, in /proc/meminfo */
};

/* shift: as MAP_HUGE_SHIFT has it, the size is 1 << shift bytes; 0 is the usual size. False where
 * it cannot be read. Thread- and async-signal-safe, no allocation. */
bool hugepool_read(unsigned shift, struct hugepool *pool);

#endif
