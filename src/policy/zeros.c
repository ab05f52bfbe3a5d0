/*
 * zeros: see zeros.h.
 */
#define _GNU_SOURCE
#include "policy/zeros.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/sys.h"
#include "model/count.h"
#include "model/merge.h"
#include "model/model.h"
#include "model/regions.h"
#include "model/untold.h"

/* The way back: a second map of a shared range; a private one has no second, so it is moved out
 * of the way, and the kernel leaves an empty one like it (Linux 5.13). */
static void keep_way_back(struct cover *c, const struct fault_page *p, size_t len)
{
    long at = p->shared ? sys_mremap(p->page, 0, len, MREMAP_MAYMOVE, 0)
                        : sys_mremap(p->page, len, len, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    c->alias = sys_failed(at) ? 0 : (uintptr_t)at;
    c->moved = !p->shared;
    c->start = p->at;
    c->len = len;
    c->over = p->page;
    c->prot = p->map.prot;
}

long zeros_lay(const struct fault_page *p)
{
    uintptr_t end = p->page + page_size;
    unsigned n = covers_add(COVER_ZEROS); /* without one there is no way back, and zeros stay */
    if (!model_take()) {
        if (n)
            covers_remove(n);
        return -EDEADLK;
    }
    struct region *r = regions_from(p->page);
    if (!r || r->start > p->page)
        r = regions_add(p->page, end, NULL, REGION_FOREIGN | (uint32_t)p->map.prot |
                                                (p->shared ? REGION_SHARED : 0));
    else if (p->past_end)
        end = r->end < p->map.end ? r->end : p->map.end;
    long answer = !r ? -ENOMEM : r->kind & REGION_CHANGING ? -EAGAIN : 0;
    int prot = r ? (int)(r->kind & REGION_PROT) : 0; /* as of now, and until the claim is released */
    if (answer == 0) {
        covers_claim(p->page, end);
        regions_set_cover(p->page, end, n);
        if (!n)
            regions_change(p->page, end, 0, REGION_FOREIGN);
    }
    model_drop();
    size_t len = end - p->page;
    if (answer == 0) {
        covers_tell_syncs(p);
        if (n)
            keep_way_back(&covers[n], p, len);
        long at = sys_mmap(p->page, len, prot,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        answer = sys_failed(at) ? at : 0;
        if (model_take()) {
            if (answer)
                regions_set_cover(p->page, end, 0);
            covers_release();
            count_add(answer ? 0 : 3);
            model_drop();
        }
    }
    if (answer && n)
        covers_remove(n);
    return answer;
}

/* How much of [from, from + len) the file has again, from the front. */
static size_t there_again(uintptr_t from, size_t len)
{
    size_t good = 0, bad = len / page_size + 1; /* pages: good - 1 can be read, bad - 1 cannot */
    while (bad - good > 1) {
        size_t middle = good + (bad - good) / 2;
        if (sys_readable(from + (middle - 1) * page_size))
            good = middle;
        else
            bad = middle;
    }
    return good * page_size;
}

/* The first range of the cover that the file has again. False if there is none. */
static bool put_back_one(unsigned n)
{
    const struct cover *c = &covers[n];
    if (!model_take())
        return false;
    struct region *r = regions_covered(0, n);
    struct place place = { 0, 0, 0, 0 };
    if (r && !(r->kind & REGION_CHANGING) && r->start >= c->over && r->end <= c->over + c->len) {
        place = (struct place){ r->start, r->end, c->start + (r->start - c->over),
                                (int)(r->kind & REGION_PROT) };
        covers_claim(place.start, place.end);
    }
    model_drop();
    size_t len = place.end > place.start
                     ? there_again(c->alias + (place.start - c->over), place.end - place.start)
                     : 0;
    place.end = place.start + len;
    bool done = len && covers_put_back(c, &place) == 0;
    if (!model_take())
        return false;
    if (done) {
        regions_set_cover(place.start, place.end, 0);
        r = regions_from(place.start);
        if (r && !c->moved)
            merge_settle(&r);
        count_add(1);
    }
    covers_release();
    model_drop();
    return done;
}

void zeros_settle(void)
{
    if (!covers_any() || !covers_take())
        return;
    for (unsigned n = 1; n <= COVERS_MAX; n++)
        while (covers[n].kind == COVER_ZEROS && covers[n].alias && put_back_one(n))
            ;
    for (unsigned n; (n = covers_unused(COVER_ZEROS));)
        covers_remove(n);
    covers_drop();
}

int zeros_error(uintptr_t start, uintptr_t end)
{
    int error = 0;
    if (!covers_any() || !model_take())
        return 0;
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after)
        if ((r->kind & REGION_COVERED) && covers[r->cover].kind == COVER_ZEROS &&
            (r->kind & REGION_SHARED) && (r->kind & PROT_WRITE))
            error = EIO;
    model_drop();
    return error;
}
