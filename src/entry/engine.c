/*
 * engine: see engine.h.
 *
 * Rules: A range leaves the model before it leaves the kernel, and enters it afterwards (model.h).
 * No lock is held over the program's own call. After a call that failed half way, the kernel is
 * asked what it did, or the model forgets the range.
 */
#define _GNU_SOURCE
#include "entry/engine.h"

#include <errno.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

#include "common/pages.h"
#include "disk/overlays.h"
#include "disk/prealloc.h"
#include "disk/spill.h"
#include "disk/zeros.h"
#include "entry/call.h"
#include "entry/gate.h"
#include "herd/guards.h"
#include "herd/placement.h"
#include "herd/retained.h"
#include "herd/retention.h"
#include "kernel/sys.h"
#include "limit/reserve.h"
#include "space/count.h"
#include "space/keeps.h"
#include "space/masters.h"
#include "space/model.h"
#include "space/pending.h"
#include "space/pressure.h"
#include "space/regions.h"
#include "tell/log.h"
#include "tell/metrics.h"
#include "trace/leaks.h"
#include "trace/record.h"

/*
 * After a call that failed: the regions that are still mapped go back into the model.
 * msync(MS_ASYNC) does nothing but walk the range, and returns ENOMEM where a part of it is not
 * mapped (mm/msync.c).
 */
static void restore_what_is_left(struct region *chain)
{
    while (chain) {
        struct region *rest = chain->left;
        chain->left = NULL;
        if (sys_msync(chain->start, chain->end - chain->start, MS_ASYNC) == 0)
            regions_restore(chain, 0);
        else
            tree_drop(chain);
        chain = rest;
    }
}

/* ---- mmap ---- */

static uint32_t kind_of(int prot, int flags)
{
    const int unknown = MAP_GROWSDOWN | MAP_SYNC;
    return ((uint32_t)prot & REGION_PROT) |
           ((flags & MAP_TYPE) != MAP_PRIVATE ? REGION_SHARED : 0) |
           (flags & MAP_ANONYMOUS ? REGION_ANONYMOUS : 0) |
           (flags & MAP_NORESERVE ? REGION_NORESERVE : 0) | (flags & MAP_STACK ? REGION_STACK : 0) |
           ((flags & MAP_LOCKED) || call_locks_future() ? REGION_LOCKED : 0) |
           ((flags & unknown) || ((uint32_t)prot & ~(uint32_t)REGION_PROT) ? REGION_FOREIGN : 0);
}

/* Enters a mapping that no capability has placed. lone: its request, if it is a chunk that
 * placement is to remember; else NULL. */
static void enter_plain(uintptr_t at, size_t len, int prot, int flags,
                        const struct map_request *lone)
{
    uintptr_t end = page_up(at + len);
    struct region *r = NULL;
    if (!gate_take(at, end))
        return;
    if (flags & MAP_HUGETLB) /* the kernel rounds len up to a page size that is not known here */
        regions_forget(at, end);
    else
        r = regions_add(at, end, NULL, kind_of(prot, flags));
    if (r && lone)
        placement_remember(lone, r);
    count_add(1); /* map_over has counted what was there before */
    model_drop();
}

/* MAP_FIXED: the new mapping replaces what lies there. */
static long map_over(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    uintptr_t end;
    if (!call_is_valid(addr, len, &end) || !gate_take(addr, end))
        return sys_mmap(addr, len, prot, flags, fd, offset);
    long before = regions_vmas_around(addr, end);
    bool known = regions_cover(addr, end);
    struct region *chain = regions_cut(addr, end);
    count_begin(regions_vmas_around(addr, end) - before + (known ? 0 : 1));
    model_drop();
    struct region *guards = guards_take(addr, end);
    long answer = sys_mmap(addr, len, prot, flags, fd, offset);
    count_ended();
    if (sys_failed(answer))
        guards_put(guards, 0);
    else
        guards_drop(guards);
    if (gate_take(addr, end)) {
        if (sys_failed(answer))
            restore_what_is_left(chain);
        else
            tree_drop_all(chain);
        model_drop();
    }
    if (!sys_failed(answer))
        enter_plain((uintptr_t)answer, len, prot, flags, NULL);
    return answer;
}

static long map_fixed(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    uintptr_t end;
    bool sound = call_is_valid(addr, len, &end);
    if (sound)
        spill_return(addr, end);
    long answer;
    do {
        bool entered = retained_enter();
        answer = map_over(addr, len, prot, flags, fd, offset);
        retained_leave(entered);
    } while (retention_makes_room(answer));
    if (sound)
        retention_tidy(addr, end);
    return answer;
}

/* The program names an address that must be free, or that it would like. What is retained there is
 * free to it. False: it cannot be made so, because the limit does not allow the split. */
static bool make_free(uintptr_t addr, size_t len)
{
    uintptr_t start = page_up(addr), end = page_up(start + len);
    return !start || end <= start || call_give_back(start, end);
}

static long end_mmap(struct map_request *q, long answer)
{
    if (!sys_failed(answer))
        spill_mapped((uintptr_t)answer, page_up((uintptr_t)answer + q->len), q);
    return call_end_of(&(struct failed_call){ "mmap", answer, q->len, q->prot, q->flags, q->addr });
}

/* In a sandbox: spilled pages that could not be returned are not pages of the new mapping. */
static long note_new(long answer, size_t len)
{
    if (!sys_failed(answer) && gate_helpless())
        spill_forget_abandoned((uintptr_t)answer, page_up((uintptr_t)answer + len));
    return answer;
}

long engine_map(struct map_request *q)
{
    uintptr_t addr = q->addr;
    size_t len = q->len;
    int prot = q->prot, flags = q->flags, fd = q->fd;
    off_t offset = (off_t)q->offset;
    if (!gate_open())
        return note_new(sys_mmap(addr, len, prot, flags, fd, offset), len);
    long answer;
    long refusal = prealloc_map(q);
    if (refusal)
        return end_mmap(q, refusal);
    if ((flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE))
        return end_mmap(q, map_fixed(addr, len, prot, flags, fd, offset));
    if (addr && !make_free(addr, len) && (flags & MAP_FIXED_NOREPLACE))
        return end_mmap(q, -ENOMEM);
    if (!(flags & MAP_ANONYMOUS)) {
        long at = placement_map(q);
        if (at != PLACEMENT_DECLINED) {
            if (!sys_failed(at) && pressure_actions().fill)
                retention_fill(q, (uintptr_t)at, page_up((uintptr_t)at + len));
            return end_mmap(q, at);
        }
        refusal = flags & MAP_FIXED_NOREPLACE ? 0 : reserve_answer(len);
        if (refusal) {
            count_settle();
            return refusal;
        }
    }
    do
        answer = sys_mmap(addr, len, prot, flags, fd, offset);
    while (retention_makes_room(answer));
    if (!sys_failed(answer)) {
        /* New memory has no guards. Those known there went in a call that no hook saw: glibc
         * unmaps the stacks of threads that way. */
        guards_drop(guards_take((uintptr_t)answer, page_up((uintptr_t)answer + len)));
        enter_plain((uintptr_t)answer, len, prot, flags, q->lone ? q : NULL);
    }
    return end_mmap(q, answer);
}

long engine_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    struct map_request q;
    request_start(&q, addr, len, prot, flags, fd, (uint64_t)offset);
    return engine_map(&q);
}

/* ---- munmap ---- */

/*
 * munmap. *full: the kernel refused it for the map limit, and the range may be retained instead.
 * Another thread may make room between the refusal and the question about the limit: then munmap is
 * tried again.
 */
static long try_unmap(uintptr_t start, size_t len, bool *full)
{
    enum { TRIES = 4 };
    long answer = -ENOMEM;
    *full = false;
    for (int n = 0; answer == -ENOMEM && !*full && n < TRIES; n++) {
        answer = sys_munmap(start, len);
        *full = answer == -ENOMEM && call_may_relieve();
    }
    return answer;
}

/* munmap was refused for its split: the range is retained instead, if that can be. chain: what the
 * model had there. */
static bool retain_instead(struct region *chain, struct region *guards, uintptr_t start,
                           uintptr_t end)
{
    if (!retention_retain_refused(chain, start, end))
        return false;
    guards_drop(guards); /* all of the range is marked */
    explain_failure(&(struct failed_call){ .name = "munmap", .len = end - start });
    return true;
}

/* munmap of one whole region, which has just left the model. The kernel may refuse it for a
 * split, because it may have merged the region with a neighbour that the model does not know. */
static long unmap_one(const struct region *one)
{
    size_t len = one->end - one->start;
    struct region *guards = guards_take(one->start, one->end);
    bool full;
    long answer = try_unmap(one->start, len, &full);
    if (answer == 0) {
        guards_drop(guards);
        retention_tidy(one->start, one->end);
        return call_end(0, "munmap", len);
    }
    if (gate_take(one->start, one->end)) {
        regions_add(one->start, one->end, NULL, one->kind);
        count_add(1);
        model_drop();
    }
    if (full && retain_instead(NULL, guards, one->start, one->end))
        return call_end(0, "munmap", len);
    guards_put(guards, 0);
    return call_end(answer, "munmap", len);
}

long engine_munmap(uintptr_t addr, size_t len)
{
    uintptr_t end;
    bool sound = call_is_valid(addr, len, &end), ours = gate_open();
    if (!ours && sound && gate_helpless())
        spill_forget_abandoned(addr, end);
    if (!ours || !sound)
        return sys_munmap(addr, len);
    if (overlays_any())
        spill_return(addr, end);
    if (pressure_actions().fill && retention_retain(addr, end))
        return call_end(0, "munmap", len);
    /* After this, what another thread was unmapping of the range is unmapped, or in the model
     * again. */
    retained_leave(retained_enter());
    if (!gate_take(addr, end))
        return sys_munmap(addr, len);
    struct region one;
    if (regions_take_one(addr, end, &one)) {
        count_add(-1);
        model_drop();
        return unmap_one(&one);
    }
    long before = regions_vmas_around(addr, end);
    bool known = regions_cover(addr, end);
    struct region *chain = regions_cut(addr, end);
    if (chain && chain->window)
        masters_review(chain->window->file);
    count_begin(regions_vmas_around(addr, end) - before + (known ? 0 : 1));
    model_drop();
    struct region *guards = guards_take(addr, end);
    bool full;
    long answer = try_unmap(addr, end - addr, &full);
    count_ended();
    if (full && retain_instead(chain, guards, addr, end))
        return call_end(0, "munmap", len);
    if (answer < 0)
        guards_put(guards, 0);
    else
        guards_drop(guards);
    if (chain && gate_take(addr, end)) {
        if (answer < 0)
            restore_what_is_left(chain);
        else
            tree_drop_all(chain);
        model_drop();
    }
    retention_tidy(addr, end);
    return call_end(answer, "munmap", len);
}

/* ---- mremap ---- */

/*
 * mremap has moved or resized [addr, end), which is now [to, to + new_len). chain: its regions.
 * Holes between them are still holes, because the kernel moves ranges with holes where nothing
 * grows.
 */
static void moved(struct region *chain, uintptr_t addr, uintptr_t end, uintptr_t to, size_t new_len)
{
    struct region *last = NULL;
    intptr_t delta = (intptr_t)(to - addr);
    bool whole = chain && !chain->left && chain->start == addr && chain->end == end;
    while (chain) {
        struct region *rest = chain->left;
        chain->left = NULL;
        if (chain->start - addr >= new_len) {
            tree_drop(chain);
        } else {
            if (chain->end - addr > new_len)
                chain->end = addr + new_len;
            last = chain;
            regions_restore(chain, delta);
        }
        chain = rest;
    }
    if (whole && last->end < to + new_len)
        regions_grow(last, to + new_len);
}

/* mremap(old_len = 0): makes a second mapping of what is at addr. */
static long duplicate(uintptr_t addr, size_t new_len, int flags, uintptr_t to)
{
    long answer = sys_mremap(addr, 0, new_len, flags, to);
    uintptr_t at = (uintptr_t)answer, end = page_up(at + new_len);
    if (!sys_failed(answer) && gate_take(at, end)) {
        struct region *original = regions_from(addr);
        uint32_t kind = original && original->start <= addr ? original->kind : REGION_FOREIGN;
        regions_add(at, end, NULL, kind);
        count_add(1);
        model_drop();
    }
    return answer;
}

/* mremap with all its parts in the model. to_end: the end of the new place, 0 where the program
 * does not name one. */
static long remap_known(uintptr_t addr, uintptr_t end, size_t old_len, size_t new_len, int flags,
                        uintptr_t to, uintptr_t to_end)
{
    if (!gate_take(addr, end)) {
        if (to_end)
            model_unseen(to, to_end);
        return sys_mremap(addr, old_len, new_len, flags, to);
    }
    new_len = page_up(new_len);
    struct region *over = to_end ? regions_cut(to, to_end) : NULL;
    struct region *chain = old_len ? regions_cut(addr, end) : NULL;
    uint32_t kind = chain ? chain->kind : REGION_FOREIGN;
    model_drop();
    struct region *guards_over = to_end ? guards_take(to, to_end) : NULL;
    struct region *guards_off = new_len < end - addr ? guards_take(addr + new_len, end) : NULL;
    struct region *guards = old_len ? guards_take(addr, end) : NULL;
    long answer = sys_mremap(addr, old_len, new_len, flags, to);
    if (sys_failed(answer)) {
        guards_put(guards, 0);
        guards_put(guards_off, 0);
        guards_put(guards_over, 0);
    } else {
        guards_put(guards, answer - (long)addr);
        guards_drop(guards_off);
        guards_drop(guards_over);
    }
    if (!gate_take(addr, end))
        return answer;
    if (sys_failed(answer)) {
        restore_what_is_left(over);
        restore_what_is_left(chain);
        count_add(0);
    } else {
        tree_drop_all(over);
        if ((flags & MREMAP_DONTUNMAP) || !old_len) {
            /* The old range stays, and the new one has the same flags. */
            regions_restore(chain, 0);
            regions_add((uintptr_t)answer, (uintptr_t)answer + new_len, NULL, kind);
        } else {
            moved(chain, addr, end, (uintptr_t)answer, new_len);
            pending_move(addr, end, answer - (long)addr);
        }
        count_add(3); /* a split at each end of the old place, and the new VMA */
    }
    model_drop();
    return answer;
}

static long remap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to)
{
    uintptr_t end, to_end = 0;
    bool fixed = flags & MREMAP_FIXED;
    if (!gate_open() || (fixed && !call_is_valid(to, new_len, &to_end)) ||
        page_up(new_len) < new_len)
        return sys_mremap(addr, old_len, new_len, flags, to);
    /* The kernel moves or grows one VMA only, and puts no markers into a second mapping: with
     * plain guards it answers as it does without mapherd. */
    if (((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) || page_up(new_len) > page_up(old_len)) &&
        call_is_valid(addr, old_len ? old_len : new_len, &end))
        call_make_guards_plain(addr, end);
    if (!call_is_valid(addr, old_len ? old_len : 1, &end))
        return sys_mremap(addr, old_len, new_len, flags, to);
    uintptr_t grown = addr + page_up(new_len);
    if (regions_retained_bytes() && !call_give_back(addr, end))
        return call_end(-EFAULT, "mremap", new_len);
    if (!fixed && grown > end)
        call_give_back(end, grown); /* the range may grow in place */
    spill_return(addr, end);
    if (fixed)
        spill_return(to, to_end);
    /* An overlay does not grow with its file, and cannot be mapped a second time. */
    bool more = !old_len || (flags & MREMAP_DONTUNMAP) || page_up(new_len) > end - addr;
    if (more && overlays_over(addr, end))
        return call_end(-EFAULT, "mremap", new_len);
    if (!old_len && !fixed)
        return call_end(duplicate(addr, new_len, flags, to), "mremap", new_len);
    long answer;
    do {
        bool entered = fixed && retained_enter();
        answer = remap_known(addr, end, old_len, new_len, flags, to, to_end);
        retained_leave(entered);
    } while (retention_makes_room(answer));
    retention_tidy(addr, end);
    if (fixed)
        retention_tidy(to, to_end);
    new_len = page_up(new_len);
    return call_end(answer, "mremap", new_len > end - addr ? new_len - (end - addr) : 0);
}

long engine_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to)
{
    long answer = remap(addr, old_len, new_len, flags, to);
    if (!sys_failed(answer) && overlays_any() && gate_open())
        spill_moved((uintptr_t)answer, page_up((uintptr_t)answer + new_len));
    return answer;
}

/* ---- what is not about ranges ---- */

void engine_exit(void)
{
    if (overlays_any() && !gate_helpless() && gate_is_ours())
        spill_end();
    if (!gate_helpless() && gate_is_ours())
        record_end();
    metrics_stop();
}

int engine_status(int status)
{
    return gate_helpless() || !gate_is_ours() ? status : zeros_end(status);
}

long engine_ftruncate(int fd, off_t len)
{
    long answer = gate_open() ? prealloc_truncate(fd, len) : sys_ftruncate(fd, len);
    if (answer == 0 && overlays_any() && gate_open()) {
        spill_trim(fd, (uint64_t)len);
        zeros_settle();
    }
    return answer;
}

/* With SHM_REMAP the segment replaces what lies there, as with MAP_FIXED. Without, the range has
 * to be free. */
long engine_shmat(int id, uintptr_t addr, int flags)
{
    size_t len;
    if (!addr || !gate_open() || sys_shm_size(id, &len) != 0)
        return sys_shmat(id, addr, flags);
    uintptr_t start = page_down(addr), end = page_up(addr + len);
    if (end > start)
        call_give_back(start, end);
    if (end > start && (flags & SHM_REMAP) && gate_take(start, end)) {
        regions_forget(start, end);
        model_drop();
        guards_drop(guards_take(start, end));
    }
    return call_end(sys_shmat(id, addr, flags), "shmat", len);
}

/* What is retained counts against RLIMIT_AS, though the program has unmapped it. */
long engine_prlimit(long pid, int resource, const void *set, void *before)
{
    long answer = sys_prlimit(pid, resource, set, before);
    if (answer == 0 && set && resource == RLIMIT_AS && gate_open() &&
        sys_rlimit(RLIMIT_AS) != RLIM_INFINITY)
        retention_give_all_back();
    return answer;
}

long engine_flock(int fd, int operation)
{
    if (gate_open())
        placement_flocked(fd);
    return sys_flock(fd, operation);
}

bool engine_sandboxes(int option, unsigned long a)
{
    return (option == PR_SET_SECCOMP || (option == PR_SET_NO_NEW_PRIVS && a == 1)) && gate_open() &&
           gate_is_ours();
}

bool engine_filters(unsigned long operation, unsigned long filter)
{
    return (operation == SECCOMP_SET_MODE_STRICT ||
            (operation == SECCOMP_SET_MODE_FILTER && filter)) &&
           gate_open() && gate_is_ours();
}

void engine_enter_sandbox(void)
{
    call_make_guards_plain(0, UINTPTR_MAX - page_size + 1); /* nothing lifts them later */
    retention_give_all_back();
    spill_end();
    spill_release_leases();
    keeps_close_files();
    zeros_withdraw();
    log_line(LOG_INFO, "the program sandboxes itself: everything passes through from here on");
    leaks_set(MAPHERD_WANTED_STOP);
    record_close();
    log_silence();
    metrics_stop();
    gate_close(MAPHERD_SANDBOXED);
}
