/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * merge: see merge.h.
 */
#define _GNU_SOURCE
#include "space/merge.h"

#include <errno.h>

#include "common/pages.h"
#include "kernel/lock.h"
#include "kernel/sys.h"
#include "space/zone.h"

/*
 * mremap of a range to the length of the whole address space returns EFAULT if the range lies in
 * two VMAs, and ENOMEM if it lies in one (mm/mremap.c checks first that the range lies in one VMA).
 * No other call is as cheap, and every other needs /proc.
 */
bool merge_one_vma(uintptr_t start, uintptr_t end)
{
    size_t len = end - start, space = zone_whole_space();
    long answer = sys_mremap(start, len, space, 0, 0);
    if (!sys_failed(answer)) /* no known kernel does that; what it has added is unmapped again */
        sys_munmap((uintptr_t)answer + len, space - len);
    return !sys_failed(answer) || answer == -ENOMEM;
}

bool merge_at(uintptr_t border)
{
    LOCK_ASSERT(&model_lock);
    return merge_one_vma(border - page_size, border + page_size);
}

static bool one_vma(const struct region *lower, struct region *upper)
{
    if (!upper->joined_below)
        upper->joined_below = merge_at(lower->end);
    return upper->joined_below;
}

/* False if the two, of which one may be retained, could be one VMA and are not. Joins them if they
 * are of the same kind. */
static bool settle(struct region *lower, struct region *upper)
{
    if (!lower || !upper || lower->end != upper->start || !regions_mergeable(lower, upper))
        return true;
    if (!one_vma(lower, upper))
        return false;
    if (lower->kind == upper->kind)
        regions_join(lower);
    return true;
}

bool merge_settle(struct region **region)
{
    LOCK_ASSERT(&model_lock);
    struct region *r = *region, *left = r->before;
    bool right_is = settle(r, r->after);
    bool alike = left && left->end == r->start && left->kind == r->kind;
    size_t total = regions_total();
    bool left_is = settle(left, r);
    if (alike && regions_total() < total)
        *region = left;
    return left_is && right_is;
}
