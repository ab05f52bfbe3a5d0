/*
 * merge: see merge.h.
 */
#define _GNU_SOURCE
#include "model/merge.h"

#include <errno.h>

#include "base/sys.h"
#include "model/model.h"

/*
 * mremap of both pages to an impossible length says EFAULT if they are in two maps and ENOMEM if
 * they are in one (mm/mremap.c: the range must lie in one VMA before anything else is asked of
 * it). No other call is so cheap, and none does without /proc.
 */
bool merge_at(uintptr_t border)
{
    size_t impossible = (1UL << 46) - page_size;
    return sys_mremap(border - page_size, 2 * page_size, impossible, 0, 0) == -ENOMEM;
}

/* Pieces of one region are one map as long as they are alike. */
static bool one_map(const struct region *lower, const struct region *upper)
{
    return lower->origin == upper->origin || merge_at(lower->end);
}

bool merge_settle(struct region **region)
{
    bool whole = true;
    struct region *r = *region, *left = r->before, *right = r->after;
    if (right && right->start == r->end && regions_alike(r, right)) {
        if (one_map(r, right))
            regions_join(r);
        else
            whole = false;
    }
    if (left && left->end == r->start && regions_alike(left, r)) {
        if (one_map(left, r)) {
            regions_join(left);
            *region = left;
        } else {
            whole = false;
        }
    }
    return whole;
}
