/*
 * hugepool: the machine's pool of huge pages of one size (admin-guide/mm/hugetlbpage.rst).
 */
#ifndef MAPHERD_HUGEPOOL_H
#define MAPHERD_HUGEPOOL_H

#include <stdbool.h>

struct hugepool {
    unsigned long page;                  /* in KiB */
    unsigned long total, free, reserved; /* in pages; reserved pages are among the free ones */
    bool usual;                          /* the size of MAP_HUGETLB alone, in /proc/meminfo */
};

/* Reads the pool of pages of 1 << shift bytes (the bits at MAP_HUGE_SHIFT of mmap's flags); shift 0
 * is the usual size. Returns false if it cannot be read. Takes no lock; thread- and
 * async-signal-safe. */
bool hugepool_read(unsigned shift, struct hugepool *pool);

#endif
