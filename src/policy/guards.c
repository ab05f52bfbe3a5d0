/*
 * guards: which ranges carry markers, and when they may.
 *
 * The set may be wrong where calls went unseen; so a marker is never taken for granted. A range
 * is asked for its pages each time, and one that holds anything, markers too, is protected
 * plainly, which is right whatever it is.
 */
#define _GNU_SOURCE
#include "policy/guards.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/brief.h"
#include "base/sys.h"
#include "model/count.h"
#include "model/merge.h"
#include "model/model.h"
#include "model/regions.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

#define PAGES_MAX 32 /* guards are small; each page is a question */
#define LOOK_AT 64   /* regions, a conversion */
#define CONVERT 4    /* guards, a conversion: it holds the lock */

static struct tree guards;
static bool unsupported;

/* pagemap has 8 bytes a page, all zero where there is neither a page nor a marker
 * (Documentation/admin-guide/mm/pagemap.rst). */
static bool holds_nothing(uintptr_t start, size_t pages)
{
    uint64_t entries[PAGES_MAX];
    long fd = brief_open("/proc/self/pagemap", O_RDONLY, 0);
    if (fd < 0)
        return false;
    long got = sys_pread((int)fd, entries, pages * sizeof *entries,
                         (off_t)(start / page_size * sizeof *entries));
    brief_close((int)fd);
    if (got != (long)(pages * sizeof *entries))
        return false;
    const uint64_t soft_dirty = 1ULL << 55; /* says that the map is new, not that it holds pages */
    for (size_t i = 0; i < pages; i++)
        if (entries[i] & ~soft_dirty)
            return false;
    return true;
}

/* Marks the range, if it is small and holds nothing; all of it or nothing. */
static bool mark(uintptr_t start, uintptr_t end)
{
    size_t pages = (end - start) / page_size;
    if (__atomic_load_n(&unsupported, __ATOMIC_RELAXED) || !pages || pages > PAGES_MAX ||
        !holds_nothing(start, pages))
        return false;
    long answer = sys_madvise(start, end - start, MADV_GUARD_INSTALL);
    if (answer == 0)
        return true;
    if (answer == -EINVAL && guards.total == 0) /* an older kernel, or memory of a kind without */
        __atomic_store_n(&unsupported, sys_madvise(0, 0, MADV_GUARD_INSTALL) < 0, __ATOMIC_RELAXED);
    /* It may have stopped half way. There was nothing in the range, so nothing is lost. */
    sys_madvise(start, end - start, MADV_GUARD_REMOVE);
    return false;
}

/* Model lock held. Without memory it could not be lifted later, so it is taken away again. */
static bool note(uintptr_t start, uintptr_t end)
{
    tree_drop_all(tree_cut(&guards, start, end));
    bool known = tree_add(&guards, start, end) != NULL;
    if (known)
        STATUS_ADD(guards, 1);
    else
        sys_madvise(start, end - start, MADV_GUARD_REMOVE);
    return known;
}

bool guards_install(uintptr_t start, uintptr_t end)
{
    if (!mark(start, end))
        return false;
    if (!model_take()) {
        sys_madvise(start, end - start, MADV_GUARD_REMOVE);
        return false;
    }
    bool known = note(start, end);
    model_drop();
    return known;
}

/* A plain guard in private memory: r has no access, and a neighbour that is like it but for that
 * gives *prot. */
static bool plain_guard(const struct region *r, int *prot)
{
    const uint32_t fit = REGION_ANONYMOUS | REGION_NORESERVE | REGION_STACK;
    if (!(r->kind & REGION_ANONYMOUS) || (r->kind & ~fit))
        return false;
    const struct region *beside = r->after && r->after->start == r->end ? r->after : r->before;
    if (!beside || (beside->start != r->end && beside->end != r->start) ||
        (beside->kind & ~(uint32_t)REGION_PROT) != r->kind || !(beside->kind & PROT_WRITE))
        return false;
    *prot = beside->kind & REGION_PROT;
    return true;
}

void guards_convert(void)
{
    static uintptr_t at;
    if (!model_take())
        return;
    struct region *r = regions_from(at);
    at = 0;
    for (unsigned looked = 0, done = 0; r && looked < LOOK_AT && done < CONVERT; looked++) {
        uintptr_t start = r->start, end = r->end;
        int prot;
        at = end;
        if (plain_guard(r, &prot) && mark(start, end)) {
            long before = regions_maps_around(start, end);
            if (note(start, end) && sys_mprotect(start, end - start, prot) == 0) {
                regions_change(start, end, 0, (uint32_t)prot);
                merge_settle(&r);
                count_add(regions_maps_around(start, end) - before);
                done++;
            }
        }
        r = r->after;
    }
    if (!r)
        at = 0;
    model_drop();
}

bool guards_next(uintptr_t *start, uintptr_t *end)
{
    if (!__atomic_load_n(&guards.total, __ATOMIC_RELAXED) || !model_take())
        return false;
    struct region *r = tree_from(&guards, *start);
    bool found = r && r->start < *end;
    if (found) {
        *start = r->start > *start ? r->start : *start;
        *end = r->end < *end ? r->end : *end;
    }
    model_drop();
    return found;
}

struct region *guards_take(uintptr_t start, uintptr_t end)
{
    if (!__atomic_load_n(&guards.total, __ATOMIC_RELAXED) || !model_take())
        return NULL;
    struct region *chain = tree_cut(&guards, start, end);
    model_drop();
    return chain;
}

void guards_put(struct region *chain, intptr_t delta)
{
    if (!chain || !model_take())
        return;
    while (chain) {
        struct region *rest = chain->left;
        chain->start += (uintptr_t)delta;
        chain->end += (uintptr_t)delta;
        tree_drop_all(tree_cut(&guards, chain->start, chain->end));
        tree_insert(&guards, chain);
        chain = rest;
    }
    model_drop();
}

void guards_drop(struct region *chain)
{
    if (!chain || !model_take())
        return;
    tree_drop_all(chain);
    model_drop();
}

void guards_open(struct region *chain)
{
    for (struct region *r = chain; r; r = r->left)
        sys_madvise(r->start, r->end - r->start, MADV_GUARD_REMOVE);
    guards_drop(chain);
}

void guards_lift(uintptr_t start, uintptr_t end)
{
    if (model_mine() && __atomic_load_n(&guards.total, __ATOMIC_RELAXED))
        sys_madvise(start, end - start, MADV_GUARD_REMOVE); /* a handler: the set is out of reach */
    else
        guards_open(guards_take(start, end));
}

void guards_abandon(void)
{
    __atomic_store_n(&guards.total, 0, __ATOMIC_RELAXED);
    guards.root = NULL;
}
