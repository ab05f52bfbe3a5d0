/*
 * masters: see masters.h.
 */
#define _GNU_SOURCE
#include "model/masters.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/sys.h"
#include "model/merge.h"
#include "model/model.h"

/* A master that reaches to end, of this kind. Not under a limit on the address space. */
static bool have_master(struct window *w, const struct source *s, uint64_t end, uint32_t kind)
{
    if (w->master && w->master_kind == kind && w->master_len >= end)
        return true;
    if (sys_rlimit(RLIMIT_AS) != RLIM_INFINITY)
        return false;
    uint64_t len = 2 * (end > s->size ? end : s->size);
    if (len > w->span)
        len = w->span;
    uintptr_t hint = windows_pick(len);
    long at = hint ? sys_mmap(hint, len, s->prot, s->flags & ~MAP_POPULATE, s->fd, 0) : -ENOMEM;
    if (sys_failed(at))
        return false;
    windows_retire_master(w);
    if (w->master) { /* no memory to remember the old one by */
        sys_munmap((uintptr_t)at, len);
        return false;
    }
    windows_give_master(w, (uintptr_t)at, len, kind);
    for (struct region *r = regions_from(w->base); r && r->start < w->base + w->span; r = r->after)
        if (r->window == w)
            r->mastered = false;
    return true;
}

/*
 * Makes [start, start + len) anew from the master. The kernel takes the old map away and puts the
 * new one there in one step (both under the mmap lock), so a thread that stores there meanwhile
 * waits and then finds the same page of the same file. If it fails between the two, the range is
 * mapped from the descriptor, as it was.
 */
static bool remake(struct window *w, const struct source *s, uintptr_t start, size_t len)
{
    uint64_t offset = start - w->base;
    if (offset + len > w->master_len)
        return false;
    long at = sys_mremap(w->master + offset, 0, len, MREMAP_MAYMOVE | MREMAP_FIXED, start);
    if (at == (long)start)
        return true;
    if (sys_msync(start, len, MS_ASYNC) < 0 &&
        sys_failed(sys_mmap(start, len, s->prot, (s->flags & ~MAP_POPULATE) | MAP_FIXED, s->fd,
                            (off_t)offset)))
        log_line(LOG_ERROR, "lost the map of %zu bytes at 0x%lx while joining it: the kernel has "
                 "no memory", len, (unsigned long)start);
    return false;
}

/* b was one map with a, below it, and is no longer: part of what one call mapped has changed. */
static bool torn(const struct region *a, const struct region *b)
{
    return a && b && a->end == b->start && b->joined_below && !regions_mergeable(a, b);
}

/*
 * The map that r lies in is of the master from here on, if it can be. Not if it was part of a
 * larger one, whose other part cannot come with it: what one call has mapped must not become two
 * files, because it may be one map again one day, and mremap works on one map only.
 */
static bool adopt_into_master(struct window *w, const struct source *s, struct region *r)
{
    if (r->mastered)
        return true;
    while (r->before && regions_one_map(r->before, r))
        r = r->before;
    struct region *last = r;
    bool held = r->kind & REGION_HELD;
    while (last->after && regions_one_map(last, last->after)) {
        last = last->after;
        held |= last->kind & REGION_HELD;
    }
    if (held) /* its markers would be lost */
        return false;
    if (torn(r->before, r) || torn(last, last->after) ||
        !remake(w, s, r->start, last->end - r->start))
        return false;
    for (; r != last; r = r->after)
        r->mastered = true;
    last->mastered = true;
    STATUS_ADD(joined, 1);
    return true;
}

void masters_join(struct window *w, const struct source *s, struct region *r)
{
    if (!have_master(w, s, r->end - w->base, r->kind & ~(uint32_t)REGION_HELD))
        return;
    struct region *left = r->before, *right = r->after;
    bool joined = adopt_into_master(w, s, r);
    if (right && right->start == r->end && regions_mergeable(r, right))
        joined &= adopt_into_master(w, s, right);
    if (left && left->end == r->start && regions_mergeable(left, r))
        joined &= adopt_into_master(w, s, left);
    merge_settle(&r);
    if (!joined)
        masters_review(w);
}

void masters_review(struct window *w)
{
    if (w->master && (!w->longest || w->used / w->longest <= w->users))
        windows_retire_master(w);
}
