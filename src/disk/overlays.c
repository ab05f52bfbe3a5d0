/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * overlays: see overlays.h.
 */
#define _GNU_SOURCE
#include "disk/overlays.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/due.h"
#include "disk/watch.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/model.h"
#include "space/pending.h"
#include "space/regions.h"

struct lock overlay_lock = { .rank = LOCK_OVERLAYS };
static uint64_t owners_mask; /* the signal mask that the owner of overlay_lock gets back */
struct overlay overlays[OVERLAYS_MAX + 1];

unsigned overlays_in_use;
struct overlay_lists *overlay_lists;
static unsigned claim_count;
static char buffer[8 << 10]; /* for a part of /proc/self/maps */

void overlays_count(long vmas)
{
    if (model_take()) {
        count_add(vmas);
        model_drop();
    }
}

static bool have_lists(void)
{
    if (!overlay_lists) {
        long at = sys_mmap(0, sizeof *overlay_lists, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (sys_failed(at))
            return false;
        overlay_lists = (struct overlay_lists *)at;
        overlays_count(1);
    }
    return true;
}

long overlays_add(enum overlay_kind kind)
{
    LOCK_ASSERT(&overlay_lock);
    if (!have_lists())
        return -ENOMEM;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        if (overlays[n].kind == OVERLAY_FREE) {
            overlays[n] = (struct overlay){ .kind = kind };
            __atomic_fetch_add(&overlays_in_use, 1, __ATOMIC_RELEASE);
            due_set(DUE_OVERLAYS);
            return n;
        }
    }
    return -ENFILE;
}

void overlays_remove(unsigned overlay)
{
    LOCK_ASSERT(&overlay_lock);
    struct overlay *c = &overlays[overlay];
    if (c->alias)
        sys_munmap(c->alias, c->len);
    c->kind = OVERLAY_FREE;
    __atomic_fetch_sub(&overlays_in_use, 1, __ATOMIC_RELEASE);
}

bool overlays_over(uintptr_t start, uintptr_t end)
{
    if (!overlays_any() || !model_take())
        return false;
    struct region *r = regions_from(start);
    while (r && r->start < end && !(r->kind & REGION_OVERLAID))
        r = r->after;
    bool overlaid = r && r->start < end;
    model_drop();
    return overlaid;
}

unsigned overlays_unused(enum overlay_kind kind)
{
    LOCK_ASSERT(&overlay_lock);
    unsigned found = 0;
    if (!model_take())
        return 0;
    for (unsigned n = 1; n <= OVERLAYS_MAX && !found; n++)
        if (overlays[n].kind == kind && !regions_overlaid(0, n))
            found = n;
    model_drop();
    return found;
}

struct search {
    const struct overlaid_file *file;
    uint64_t low, high;
    uintptr_t besides;
    struct place *places;
    unsigned count, max;
};

/* The name of the VMA leads to a file of the same inode on another device. */
static bool is_of_another(const struct procmap *m, dev_t st_dev)
{
    struct stat st;
    return m->path[0] == '/' && sys_stat(m->path, &st) == 0 && st.st_ino == m->inode &&
           st.st_dev != st_dev;
}

/* On btrfs the list of VMAs shows the same device for all subvolumes: there the name is asked
 * too. */
static bool is_of_file(const struct procmap *m, const struct overlaid_file *file)
{
    return m->inode == file->ino && makedev(m->dev_major, m->dev_minor) == file->dev &&
           (!file->st_dev || file->st_dev == file->dev || !is_of_another(m, file->st_dev));
}

/* The address up to which, from at on, all is one alias, or nothing is an alias: *ours says
 * which. */
static uintptr_t alias_border(uintptr_t at, uintptr_t end, bool *ours)
{
    *ours = false;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        const struct overlay *c = &overlays[n];
        if (c->kind == OVERLAY_FREE || !c->alias)
            continue;
        if (at >= c->alias && at < c->alias + c->len) {
            *ours = true;
            return c->alias + c->len < end ? c->alias + c->len : end;
        }
        if (c->alias > at && c->alias < end)
            end = c->alias;
    }
    return end;
}

static int prot_of(const struct procmap *m)
{
    return (m->read ? PROT_READ : 0) | (m->write ? PROT_WRITE : 0) | (m->exec ? PROT_EXEC : 0);
}

static bool collect(const struct procmap *m, void *context)
{
    struct search *s = context;
    if (!m->shared || !is_of_file(m, s->file))
        return true;
    /* An alias may be one VMA with a mapping of the program that continues it. */
    for (uintptr_t at = m->start, to; at < m->end && s->count < s->max; at = to) {
        bool ours;
        to = alias_border(at, m->end, &ours);
        uint64_t begin = m->offset + (at - m->start), end = begin + (to - at);
        uint64_t low = begin > s->low ? begin : s->low, high = end < s->high ? end : s->high;
        if (ours || low >= high || (s->besides >= at && s->besides < to))
            continue;
        s->places[s->count++] = (struct place){
            .start = at + (low - begin),
            .end = at + (high - begin),
            .offset = low,
            .prot = prot_of(m),
        };
    }
    return s->count < s->max;
}

long overlays_places(const struct overlaid_file *file, uint64_t low, uint64_t high,
                     uintptr_t besides, struct place *places, unsigned max)
{
    LOCK_ASSERT(&overlay_lock);
    struct search s = { file, low, high, besides, places, 0, max };
    long answer = max ? procmaps_scan(PROCMAPS_SELF, buffer, sizeof buffer, collect, &s) : 0;
    return answer < 0 ? answer : s.count;
}

long overlays_put_back(const struct overlay *c, const struct place *place)
{
    LOCK_ASSERT(&overlay_lock);
    size_t len = place->end - place->start;
    uintptr_t from = c->alias + (place->offset - c->start);
    /* The place of what moves stays mapped, so that the whole alias is the library's until it is
     * unmapped. */
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (c->moved ? MREMAP_DONTUNMAP : 0);
    long at = sys_mremap(from, c->moved ? len : 0, len, flags, place->start);
    if (sys_failed(at))
        return at;
    return place->prot == c->prot || sys_mprotect(place->start, len, place->prot) == 0 ? 0
                                                                                       : -EACCES;
}

long overlays_still(const struct place *place, const struct overlaid_file *file)
{
    LOCK_ASSERT(&overlay_lock);
    struct procmap m;
    long answer = procmaps_at(PROCMAPS_SELF, place->start, &m, buffer, sizeof buffer);
    if (answer < 0)
        return answer == -ENOENT ? -EAGAIN : answer;
    bool still = m.end >= place->end && m.shared && prot_of(&m) == place->prot &&
                 is_of_file(&m, file) && m.offset + (place->start - m.start) == place->offset;
    return still ? 0 : -EAGAIN;
}

void overlays_claim(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    overlay_lists->claims[claim_count].start = start;
    overlay_lists->claims[claim_count].end = end;
    claim_count++;
}

long overlays_claim_all(unsigned overlay, struct place ranges[PLACES_MAX])
{
    LOCK_ASSERT(&overlay_lock);
    long count = 0;
    if (!model_take())
        return -EAGAIN;
    for (struct region *r = regions_overlaid(0, overlay); r && count >= 0;
         r = regions_overlaid(r->end, overlay)) {
        if ((r->kind & REGION_CHANGING) && !changes_mine(r->start, r->end)) {
            count = -EAGAIN;
        } else if (count && ranges[count - 1].end == r->start) {
            ranges[count - 1].end = r->end;
        } else if (count == PLACES_MAX) {
            count = -E2BIG;
        } else {
            ranges[count++] = (struct place){ r->start, r->end, 0, 0 };
        }
    }
    for (long i = 0; i < count; i++)
        overlays_claim(ranges[i].start, ranges[i].end);
    model_drop();
    return count;
}

void overlays_forget(const struct place *place)
{
    LOCK_ASSERT(&overlay_lock);
    if (model_take()) {
        regions_set_overlay(place->start, place->end, 0);
        model_drop();
    }
}

void overlays_release(void)
{
    LOCK_ASSERT(&model_lock);
    claim_count = 0;
}

bool overlays_claimed_in(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    for (unsigned i = 0; i < claim_count; i++)
        if (overlay_lists->claims[i].start < end && start < overlay_lists->claims[i].end)
            return true;
    return false;
}

bool overlays_take(void)
{
    if (model_mine() || lock_mine(&overlay_lock))
        return false;
    uint64_t before = sys_block_signals();
    lock_take(&overlay_lock);
    owners_mask = before;
    return true;
}

void overlays_drop(void)
{
    uint64_t before = owners_mask;
    lock_drop(&overlay_lock);
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
    watch_again();
}

bool overlays_wait(void)
{
    if (!overlays_take())
        return false;
    overlays_drop();
    return true;
}

void overlays_after_fork(void)
{
    lock_reset(&overlay_lock);
    claim_count = 0;
}

void overlays_tell_syncs(const struct fault_page *p)
{
    enum { TOLD_MAX = 1024 };
    static struct place places[TOLD_MAX];
    long count = overlays_places(&p->of, 0, UINT64_MAX, 0, places, TOLD_MAX);
    if (!model_take())
        return;
    for (long i = 0; i < count; i++)
        pending_add(places[i].start, places[i].end, p->error);
    pending_add(p->map.start, p->map.end, p->error);
    model_drop();
}
