/*
 * fence: two changes of advice for each VMA. See fence.h.
 */
#define _GNU_SOURCE
#include "sync/fence.h"

#include <sys/mman.h>

#include "kernel/lock.h"
#include "kernel/sys.h"
#include "space/regions.h"
#include "tell/status.h"

#define MAPS_MAX 64 /* fencing more would cost more than the sync that is skipped */

/* A store through this region may be one to f. Without a window the file is not known. */
static bool concerns(const struct region *r, const struct file *f)
{
    return (r->kind & (REGION_SHARED | REGION_ANONYMOUS)) == REGION_SHARED &&
           (!r->window || r->window->file == f);
}

static bool same_map(const struct region *a, const struct region *b)
{
    const uint32_t advice = REGION_RANDOM | REGION_SEQUENTIAL;
    return regions_one_vma(a, b) && (a->kind & advice) == (b->kind & advice);
}

/* Gives the VMA another advice than its own, and then its own again. */
static bool fence_map(uintptr_t start, uintptr_t end, uint32_t kind)
{
    int own = kind & REGION_RANDOM       ? MADV_RANDOM
              : kind & REGION_SEQUENTIAL ? MADV_SEQUENTIAL
                                         : MADV_NORMAL;
    int other = own == MADV_RANDOM ? MADV_SEQUENTIAL : MADV_RANDOM;
    bool done = sys_madvise(start, end - start, other) == 0;
    /* After a failure too, because the kernel may have stopped half way. */
    if (sys_madvise(start, end - start, own) != 0)
        regions_change(start, end, 0, REGION_FOREIGN);
    return done;
}

/* The model knows all mappings of the file. It does not if it has forgotten one, or if a signal
 * handler has made one unseen. Spilled pages go back to their file through an alias, which is no
 * region. */
static bool all_known(void)
{
    const struct mapherd_status *s = &mapherd_status_block;
    return !s->forgotten && !s->unseen && !s->spilled && !s->converted;
}

bool fence_file(const struct file *f)
{
    LOCK_ASSERT(&model_lock);
    unsigned maps = 0;
    if (!all_known())
        return false;
    for (struct region *r = regions_from(0), *last; r; r = last->after) {
        last = r;
        if (!concerns(r, f))
            continue;
        if ((r->kind & (REGION_CHANGING | REGION_FOREIGN)) || ++maps > MAPS_MAX)
            return false;
        while (last->after && same_map(last, last->after) && concerns(last->after, f) &&
               !(last->after->kind & (REGION_CHANGING | REGION_FOREIGN)))
            last = last->after;
        uintptr_t end = last->end;
        if (!fence_map(r->start, end, r->kind))
            return false;
        last = regions_from(end - 1);
    }
    return true;
}
