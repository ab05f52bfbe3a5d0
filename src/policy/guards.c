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

#include "base/sys.h"
#include "model/model.h"
#include "model/tree.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

#define PAGES_MAX 32 /* guards are small; each page is a question */

static struct tree guards;
static bool unsupported;

/* pagemap has 8 bytes a page, all zero where there is neither a page nor a marker
 * (Documentation/admin-guide/mm/pagemap.rst). */
static bool holds_nothing(uintptr_t start, size_t pages)
{
    uint64_t entries[PAGES_MAX];
    long fd = sys_open("/proc/self/pagemap", O_RDONLY, 0);
    if (fd < 0)
        return false;
    long got = sys_pread((int)fd, entries, pages * sizeof *entries,
                         (off_t)(start / page_size * sizeof *entries));
    sys_close((int)fd);
    if (got != (long)(pages * sizeof *entries))
        return false;
    const uint64_t soft_dirty = 1ULL << 55; /* says that the map is new, not that it holds pages */
    for (size_t i = 0; i < pages; i++)
        if (entries[i] & ~soft_dirty)
            return false;
    return true;
}

bool guards_install(uintptr_t start, uintptr_t end)
{
    size_t pages = (end - start) / page_size;
    if (__atomic_load_n(&unsupported, __ATOMIC_RELAXED) || !pages || pages > PAGES_MAX ||
        !holds_nothing(start, pages))
        return false;
    long answer = sys_madvise(start, end - start, MADV_GUARD_INSTALL);
    if (answer == -EINVAL && guards.total == 0) /* an older kernel, or memory of a kind without */
        __atomic_store_n(&unsupported, sys_madvise(0, 0, MADV_GUARD_INSTALL) < 0, __ATOMIC_RELAXED);
    if (answer < 0)
        return false;
    if (!lock_take(&model_lock)) {
        sys_madvise(start, end - start, MADV_GUARD_REMOVE);
        return false;
    }
    for (struct region *r = tree_cut(&guards, start, end); r;)
        r = tree_drop(r);
    bool known = tree_add(&guards, start, end) != NULL;
    lock_drop(&model_lock);
    if (!known) /* could not be lifted later */
        sys_madvise(start, end - start, MADV_GUARD_REMOVE);
    else
        STATUS_ADD(guards, 1);
    return known;
}

/* Takes the guards of a range out of the set, as a chain. */
static struct region *cut(uintptr_t start, uintptr_t end)
{
    if (!__atomic_load_n(&guards.total, __ATOMIC_RELAXED) || !lock_take(&model_lock))
        return NULL;
    struct region *chain = tree_cut(&guards, start, end);
    lock_drop(&model_lock);
    return chain;
}

static void drop(struct region *chain)
{
    if (!chain || !lock_take(&model_lock))
        return;
    while (chain)
        chain = tree_drop(chain);
    lock_drop(&model_lock);
}

void guards_lift(uintptr_t start, uintptr_t end)
{
    struct region *chain = cut(start, end);
    for (struct region *r = chain; r; r = r->left)
        sys_madvise(r->start, r->end - r->start, MADV_GUARD_REMOVE);
    drop(chain);
}

void guards_gone(uintptr_t start, uintptr_t end)
{
    drop(cut(start, end));
}

void guards_moved(uintptr_t start, uintptr_t end, uintptr_t to)
{
    struct region *chain = cut(start, end);
    if (!chain || !lock_take(&model_lock))
        return;
    while (chain) {
        struct region *rest = chain->left;
        chain->start += to - start;
        chain->end += to - start;
        for (struct region *stale = tree_cut(&guards, chain->start, chain->end); stale;)
            stale = tree_drop(stale);
        tree_insert(&guards, chain);
        chain = rest;
    }
    lock_drop(&model_lock);
}
