/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * markers: see markers.h.
 */
#define _GNU_SOURCE
#include "kernel/markers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sys/mman.h>

#include "common/pages.h"
#include "kernel/brief.h"
#include "kernel/newer.h"
#include "kernel/sys.h"

/* struct pm_scan_arg and struct page_region of Linux 6.7 (include/uapi/linux/fs.h), which older
 * headers lack, and PAGE_IS_GUARD. */
struct question {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct stretch {
    uint64_t start, end, categories;
};
#define ASK _IOWR('f', 16, struct question) /* PAGEMAP_SCAN */
#define PRESENT (1 << 3)
#define GUARD (1 << 8)

/* Finds the first stretch of pages of the category in the range. Returns 1; 0 if there is none; or
 * -errno. */
static long find(int pagemap, uint64_t category, uintptr_t start, uintptr_t end,
                 struct stretch *found)
{
    struct question ask = {
        .size = sizeof ask,
        .start = start,
        .end = end,
        .vec = (uintptr_t)found,
        .vec_len = 1,
        .category_mask = category,
        .return_mask = category,
    };
    return sys_ioctl(pagemap, ASK, &ask);
}

static long find_marked(uintptr_t start, uintptr_t end, struct stretch *found)
{
    long fd = brief_open("/proc/self/pagemap", O_RDONLY, 0);
    if (fd < 0)
        return fd;
    long answer = find((int)fd, GUARD, start, end, found);
    brief_close((int)fd);
    return answer;
}

bool markers_present(int pagemap, uintptr_t start, uintptr_t end)
{
    struct stretch found;
    return find(pagemap, PRESENT, start, end, &found) > 0;
}

bool markers_shown(void)
{
    enum { UNASKED, YES, NO };
    static int shown;
    int known = __atomic_load_n(&shown, __ATOMIC_RELAXED);
    if (known == UNASKED) {
        struct stretch found;
        uintptr_t here = page_down((uintptr_t)&shown);
        long answer = find_marked(here, here + page_size, &found);
        if (answer >= 0)
            known = YES;
        else if (answer == -EINVAL || answer == -ENOTTY)
            known = NO;
        __atomic_store_n(&shown, known, __ATOMIC_RELAXED); /* UNASKED: no descriptor was free */
    }
    return known == YES;
}

bool markers_all_over(uintptr_t start, uintptr_t end)
{
    struct stretch found;
    return find_marked(start, end, &found) == 1 && found.start == start && found.end == end;
}

/* pagemap has 8 bytes for each page. They are zero where there is neither a page nor a marker
 * (Documentation/admin-guide/mm/pagemap.rst). */
bool markers_nothing_there(uintptr_t start, uintptr_t end)
{
    uint64_t entries[MARKERS_LOOK];
    size_t pages = (end - start) / page_size;
    if (pages > MARKERS_LOOK)
        return false;
    long fd = brief_open("/proc/self/pagemap", O_RDONLY, 0);
    if (fd < 0)
        return false;
    long got = sys_pread((int)fd, entries, pages * sizeof *entries,
                         (off_t)(start / page_size * sizeof *entries));
    brief_close((int)fd);
    if (got != (long)(pages * sizeof *entries))
        return false;
    const uint64_t soft_dirty = 1ULL << 55; /* is set for a new mapping without pages too */
    for (size_t i = 0; i < pages; i++)
        if (entries[i] & ~soft_dirty)
            return false;
    return true;
}

long markers_put(uintptr_t start, uintptr_t end)
{
    return sys_madvise(start, end - start, MADV_GUARD_INSTALL);
}

void markers_remove(uintptr_t start, uintptr_t end)
{
    sys_madvise(start, end - start, MADV_GUARD_REMOVE);
}
