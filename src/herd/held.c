/*
 * held: see held.h.
 */
#define _GNU_SOURCE
#include "herd/held.h"

#include <signal.h>

#include "common/pages.h"
#include "kernel/markers.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/model.h"

#define SHARE 64 /* of the machine's memory, for page tables of held ranges */

static struct lock held_lock; /* before the model lock, see lock.h */
static uint64_t owners_mask;

bool held_enter(void)
{
    if (!regions_ever_held() || model_mine() || lock_mine(&held_lock))
        return false;
    uint64_t before = sys_block_signals();
    lock_take(&held_lock);
    owners_mask = before;
    return true;
}

void held_leave(bool entered)
{
    if (!entered)
        return;
    uint64_t before = owners_mask;
    lock_drop(&held_lock);
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
}

void held_after_fork(void)
{
    lock_reset(&held_lock);
}

bool held_room(size_t len)
{
    static uint64_t most;
    uint64_t bytes = __atomic_load_n(&most, __ATOMIC_RELAXED);
    if (!bytes) {
        bytes = sys_memory() / SHARE / sizeof(uint64_t) * page_size;
        __atomic_store_n(&most, bytes, __ATOMIC_RELAXED);
    }
    return len <= bytes && regions_held_bytes() <= bytes - len;
}

enum held_outcome held_give(struct region *r)
{
    bool ours = markers_all_over(r->start, r->end);
    bool gone = ours && sys_munmap(r->start, r->end - r->start) == 0;
    if (!model_take())
        return HELD_NONE;
    if (ours && !gone)
        regions_restore(r, 0);
    else
        tree_drop(r);
    count_add(gone ? 1 : 0); /* a hole may be two maps where one was */
    model_drop();
    return ours && !gone ? HELD_REFUSED : HELD_GONE;
}

/* The first held part of the range, cut out. */
static struct region *cut_held(uintptr_t start, uintptr_t end)
{
    if (!model_take())
        return NULL;
    struct region *r = regions_from(start);
    while (r && r->start < end && !(r->kind & REGION_HELD))
        r = r->after;
    if (r && r->start < end)
        r = regions_cut(r->start > start ? r->start : start, r->end < end ? r->end : end);
    else
        r = NULL;
    model_drop();
    return r;
}

bool held_vacate(uintptr_t start, uintptr_t end)
{
    bool entered = held_enter(), free = true;
    struct region *r;
    while (entered && free && (r = cut_held(start, end)))
        free = held_give(r) != HELD_REFUSED;
    held_leave(entered);
    return free;
}
