/*
 * merge: see merge.h.
 */
#define _GNU_SOURCE
#include "space/merge.h"

#include <errno.h>

#include "common/pages.h"
#include "kernel/sys.h"

/*
 * mremap of a range to the length of the whole address space says EFAULT if it is in two
 * maps and ENOMEM if it is in one (mm/mremap.c: the range must lie in one VMA before anything
 * else is asked of it). No other call is so cheap, and none does without /proc.
 */
bool merge_one_map(uintptr_t start, uintptr_t end)
{
    size_t len = end - start, space = windows_whole_space();
    long answer = sys_mremap(start, len, space, 0, 0);
    if (!sys_failed(answer)) /* no kernel known does that; what it added is taken away again */
        sys_munmap((uintptr_t)answer + len, space - len);
    return !sys_failed(answer) || answer == -ENOMEM;
}

bool merge_at(uintptr_t border)
{
    return merge_one_map(border - page_size, border + page_size);
}

static bool one_map(const struct region *lower, struct region *upper)
{
    if (!upper->joined_below)
        upper->joined_below = merge_at(lower->end);
    return upper->joined_below;
}

/* False if the two, of which one may be retained, are to be one map and are not. Joins them if they
 * are alike in everything. */
static bool settle(struct region *lower, struct region *upper)
{
    if (!lower || !upper || lower->end != upper->start || !regions_mergeable(lower, upper))
        return true;
    if (!one_map(lower, upper))
        return false;
    if (lower->kind == upper->kind)
        regions_join(lower);
    return true;
}

bool merge_settle(struct region **region)
{
    struct region *r = *region, *left = r->before;
    bool right_is = settle(r, r->after);
    bool alike = left && left->end == r->start && left->kind == r->kind;
    size_t total = regions_total();
    bool left_is = settle(left, r);
    if (alike && regions_total() < total)
        *region = left;
    return left_is && right_is;
}
