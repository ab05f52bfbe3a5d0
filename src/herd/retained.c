/*
 * retained: see retained.h.
 */
#define _GNU_SOURCE
#include "herd/retained.h"

#include <signal.h>

#include "common/pages.h"
#include "kernel/markers.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/model.h"

#define SHARE 64 /* of the machine's memory, for page tables of retained ranges */

static struct lock retained_lock = { .rank =
                                         LOCK_RETAINED }; /* before the model lock, see lock.h */
static uint64_t owners_mask; /* the signal mask that its owner gets back */

bool retained_enter(void)
{
    if (!regions_ever_retained() || model_mine() || lock_mine(&retained_lock))
        return false;
    uint64_t before = sys_block_signals();
    lock_take(&retained_lock);
    owners_mask = before;
    return true;
}

void retained_leave(bool entered)
{
    if (!entered)
        return;
    uint64_t before = owners_mask;
    lock_drop(&retained_lock);
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
}

void retained_after_fork(void)
{
    lock_reset(&retained_lock);
}

bool retained_room(size_t len)
{
    static uint64_t most;
    uint64_t bytes = __atomic_load_n(&most, __ATOMIC_RELAXED);
    if (!bytes) {
        bytes = sys_memory() / SHARE / sizeof(uint64_t) * page_size;
        __atomic_store_n(&most, bytes, __ATOMIC_RELAXED);
    }
    return len <= bytes && regions_retained_bytes() <= bytes - len;
}

enum retained_outcome retained_give(struct region *r)
{
    LOCK_ASSERT(&retained_lock);
    bool ours = markers_all_over(r->start, r->end);
    bool gone = ours && sys_munmap(r->start, r->end - r->start) == 0;
    if (!model_take())
        return RETAINED_NONE;
    if (ours && !gone)
        regions_restore(r, 0);
    else
        tree_drop(r);
    count_add(gone ? 1 : 0); /* munmap may have made two VMAs of one */
    model_drop();
    return ours && !gone ? RETAINED_REFUSED : RETAINED_GONE;
}

/* Cuts the first retained part of the range out of the model. NULL: there is none. */
static struct region *cut_retained(uintptr_t start, uintptr_t end)
{
    if (!model_take())
        return NULL;
    struct region *r = regions_from(start);
    while (r && r->start < end && !(r->kind & REGION_RETAINED))
        r = r->after;
    if (r && r->start < end)
        r = regions_cut(r->start > start ? r->start : start, r->end < end ? r->end : end);
    else
        r = NULL;
    model_drop();
    return r;
}

bool retained_vacate(uintptr_t start, uintptr_t end)
{
    bool entered = retained_enter(), free = true;
    struct region *r;
    while (entered && free && (r = cut_retained(start, end)))
        free = retained_give(r) != RETAINED_REFUSED;
    retained_leave(entered);
    return free;
}
