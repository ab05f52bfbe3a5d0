/*
 * engine: what happens in which order when the program calls.
 *
 * Rules: a range leaves the model before it leaves the kernel and enters it afterwards (model.h);
 * no lock is held over the program's own call; what fails half way is not guessed at but asked
 * of the kernel, or forgotten.
 */
#define _GNU_SOURCE
#include "shim/engine.h"

#include <errno.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "model/canary.h"
#include "model/count.h"
#include "model/masters.h"
#include "model/model.h"
#include "model/pressure.h"
#include "model/regions.h"
#include "policy/guards.h"
#include "policy/metrics.h"
#include "policy/placement.h"
#include "policy/reserve.h"
#include "policy/retention.h"
#include "shim/gate.h"

static bool future_locked; /* mlockall(MCL_FUTURE) */

/* What every call ends with, no lock held: the answer is the kernel's. */
static long finish(long answer, const char *what, size_t len)
{
    if (answer == -ENOMEM || answer == -EAGAIN)
        count_explain(what, len);
    if (windows_have_dead() && lock_take(&model_lock)) {
        uintptr_t addr;
        size_t dead_len;
        while (windows_bury(&addr, &dead_len)) {
            gate_drop();
            sys_munmap(addr, dead_len);
            if (!lock_take(&model_lock))
                return answer;
        }
        gate_drop();
    }
    retention_settle();
    count_settle();
    metrics_tick();
    return answer;
}

/* False for ranges that the kernel will refuse: those change nothing. */
static bool sound(uintptr_t addr, size_t len, uintptr_t *end)
{
    *end = page_up(addr + len);
    return !(addr & (page_size - 1)) && len && addr + len > addr && *end > addr;
}

/*
 * After a call failed: the pieces that are still mapped go back into the model. MS_ASYNC does
 * nothing but walk the range, and says ENOMEM where part of it is not mapped (mm/msync.c).
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
           (flags & MAP_NORESERVE ? REGION_NORESERVE : 0) |
           (flags & MAP_STACK ? REGION_STACK : 0) |
           ((flags & MAP_LOCKED) || future_locked ? REGION_LOCKED : 0) |
           ((flags & unknown) || ((uint32_t)prot & ~(uint32_t)REGION_PROT) ? REGION_FOREIGN : 0);
}

static void enter_plain(uintptr_t at, size_t len, int prot, int flags)
{
    uintptr_t end = page_up(at + len);
    if (!gate_take(at, end))
        return;
    long before = regions_maps_around(at, end);
    if (flags & MAP_HUGETLB) /* its length is rounded to a page size that is not known here */
        regions_forget(at, end);
    else
        regions_add(at, end, NULL, kind_of(prot, flags));
    long added = regions_maps_around(at, end) - before;
    count_add(added > 0 ? added : 1);
    gate_drop();
}

/* MAP_FIXED: what lies there goes, whole or in part. */
static long map_over(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    uintptr_t end;
    if (!sound(addr, len, &end) || !gate_take(addr, end))
        return sys_mmap(addr, len, prot, flags, fd, offset);
    long before = regions_maps_around(addr, end);
    bool known = regions_cover(addr, end);
    struct region *chain = regions_cut(addr, end);
    count_add(regions_maps_around(addr, end) - before + (known ? 0 : 1));
    gate_drop();
    long answer = sys_mmap(addr, len, prot, flags, fd, offset);
    if (gate_take(addr, end)) {
        if (sys_failed(answer))
            restore_what_is_left(chain);
        else
            while (chain)
                chain = tree_drop(chain);
        gate_drop();
    }
    if (!sys_failed(answer)) {
        guards_gone(addr, end);
        enter_plain((uintptr_t)answer, len, prot, flags);
    }
    return answer;
}

/* The program asks for this very place, and only we are there: it is free. */
static bool only_held(uintptr_t addr, size_t len)
{
    uintptr_t end;
    if (!regions_held_bytes() || !sound(addr, len, &end) || !lock_take(&model_lock))
        return false;
    bool held = regions_cover(addr, end);
    for (struct region *r = regions_from(addr); held && r && r->start < end; r = r->after)
        held = r->kind & REGION_HELD;
    lock_drop(&model_lock);
    return held;
}

long engine_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    if (!gate_open())
        return sys_mmap(addr, len, prot, flags, fd, offset);
    if ((flags & MAP_FIXED_NOREPLACE) && only_held(addr, len))
        flags = (flags & ~MAP_FIXED_NOREPLACE) | MAP_FIXED;
    if ((flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE))
        return finish(map_over(addr, len, prot, flags, fd, offset), "mmap", len);
    if (!(flags & MAP_ANONYMOUS)) {
        struct map_request q = { addr, len, prot, flags, fd, (uint64_t)offset };
        long at = placement_map(&q);
        if (at != PLACEMENT_DECLINED)
            return finish(at, "mmap", len);
        long refusal = flags & MAP_FIXED_NOREPLACE ? 0 : reserve_answer(len);
        if (refusal) {
            count_settle();
            return refusal;
        }
    }
    long answer = sys_mmap(addr, len, prot, flags, fd, offset);
    if (!sys_failed(answer))
        enter_plain((uintptr_t)answer, len, prot, flags);
    return finish(answer, "mmap", len);
}

/* ---- munmap ---- */

long engine_munmap(uintptr_t addr, size_t len)
{
    uintptr_t end;
    if (!gate_open() || !sound(addr, len, &end))
        return sys_munmap(addr, len);
    if (pressure_actions().fill && retention_keep(addr, end))
        return finish(0, "munmap", len);
    if (!gate_take(addr, end))
        return sys_munmap(addr, len);
    retention_widen(&addr, &end);
    long before = regions_maps_around(addr, end);
    bool known = regions_cover(addr, end);
    struct region *chain = regions_cut(addr, end);
    struct region *leftovers = retention_leftovers(chain);
    if (chain && chain->window)
        masters_review(chain->window);
    count_add(regions_maps_around(addr, end) - before + (known ? 0 : 1));
    gate_drop();
    long answer = sys_munmap(addr, end - addr);
    retention_unmap(leftovers);
    if (answer == -ENOMEM && canary_at_limit()) {
        retention_hold(chain, addr, end);
        count_explain("munmap", len);
        return finish(0, "munmap", len);
    }
    guards_gone(addr, end);
    if (chain && gate_take(addr, end)) {
        if (answer < 0)
            restore_what_is_left(chain);
        else
            while (chain)
                chain = tree_drop(chain);
        gate_drop();
    }
    return finish(answer, "munmap", len);
}

/* Marks the range, so that nothing is grown out of it until the kernel has answered. */
static bool begin_change(uintptr_t addr, size_t len, uintptr_t *end)
{
    if (!gate_open() || !sound(addr, len, end) || !gate_take(addr, *end))
        return false;
    long before = regions_maps_around(addr, *end);
    bool known = regions_cover(addr, *end);
    regions_change(addr, *end, 0, REGION_CHANGING);
    count_add(regions_maps_around(addr, *end) - before + (known ? 0 : 2));
    gate_drop();
    return true;
}

/* A change that failed may have been half done: nothing is known of those flags any more. */
static void end_change(uintptr_t addr, uintptr_t end, long answer, uint32_t clear, uint32_t set)
{
    if (!gate_take(addr, end))
        return;
    long before = regions_maps_around(addr, end);
    if (answer < 0 && answer != -EINVAL)
        regions_change(addr, end, REGION_CHANGING, REGION_FOREIGN);
    else
        regions_change(addr, end, REGION_CHANGING | (answer ? 0 : clear), answer ? 0 : set);
    count_add(regions_maps_around(addr, end) - before);
    gate_drop();
}

/* Guards that a call would not carry along are made plain ones first, and stay guards meanwhile. */
static void make_guards_plain(uintptr_t start, uintptr_t end)
{
    uintptr_t from = start, to = end, upto;
    for (; from < end && guards_next(&from, &to); from = to, to = end) {
        if (!begin_change(from, to - from, &upto))
            return;
        long answer = sys_mprotect(from, to - from, PROT_NONE);
        if (answer == 0)
            guards_lift(from, to);
        end_change(from, to, answer, REGION_PROT, 0);
    }
}

/* ---- mremap ---- */

/* What was [addr, addr + old_len) is [to, to + new_len) now. chain: its pieces. */
static void moved(struct region *chain, uintptr_t addr, uintptr_t to, size_t new_len)
{
    struct region *last = NULL;
    intptr_t delta = (intptr_t)(to - addr);
    bool whole = chain && !chain->left && chain->start == addr;
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

/* mremap(old_len = 0): a second map of what is at addr. */
static long duplicate(uintptr_t addr, size_t new_len, int flags, uintptr_t to)
{
    long answer = sys_mremap(addr, 0, new_len, flags, to);
    uintptr_t at = (uintptr_t)answer, end = page_up(at + new_len);
    if (!sys_failed(answer) && gate_take(at, end)) {
        struct region *original = regions_from(addr);
        uint32_t kind = original && original->start <= addr ? original->kind : REGION_FOREIGN;
        regions_add(at, end, NULL, kind);
        count_add(1);
        gate_drop();
    }
    return answer;
}

long engine_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to)
{
    uintptr_t end, to_end = 0;
    bool fixed = flags & MREMAP_FIXED;
    if (!gate_open() || (fixed && !sound(to, new_len, &to_end)) || page_up(new_len) < new_len)
        return sys_mremap(addr, old_len, new_len, flags, to);
    if (!old_len && !fixed)
        return finish(duplicate(addr, new_len, flags, to), "mremap", new_len);
    if (!sound(addr, old_len ? old_len : 1, &end))
        return sys_mremap(addr, old_len, new_len, flags, to);
    if ((flags & MREMAP_DONTUNMAP) || new_len > end - addr)
        make_guards_plain(addr, end);
    if (!gate_take(addr, end)) {
        if (fixed)
            gate_note_unseen(to, to_end);
        return sys_mremap(addr, old_len, new_len, flags, to);
    }
    new_len = page_up(new_len);
    struct region *over = fixed ? regions_cut(to, to_end) : NULL;
    struct region *chain = old_len ? regions_cut(addr, end) : NULL;
    uint32_t kind = chain ? chain->kind : REGION_FOREIGN;
    gate_drop();
    long answer = sys_mremap(addr, old_len, new_len, flags, to);
    if (!gate_take(addr, end))
        return answer;
    if (sys_failed(answer)) {
        restore_what_is_left(over);
        restore_what_is_left(chain);
        count_add(0);
    } else {
        while (over)
            over = tree_drop(over);
        if ((flags & MREMAP_DONTUNMAP) || !old_len) {
            /* The old range stays, the new one is as the old. */
            regions_restore(chain, 0);
            regions_add((uintptr_t)answer, (uintptr_t)answer + new_len, NULL, kind);
        } else {
            moved(chain, addr, (uintptr_t)answer, new_len);
        }
        count_add(3); /* both borders of the old place, and the new one */
    }
    gate_drop();
    if (!sys_failed(answer)) {
        if (fixed)
            guards_gone(to, to_end);
        if (new_len < end - addr)
            guards_gone(addr + new_len, end);
        if ((uintptr_t)answer != addr)
            guards_moved(addr, end, (uintptr_t)answer);
    }
    return finish(answer, "mremap", new_len);
}

/* ---- what changes a range in place ---- */

/* A part of a map, so that protecting it would split the map. */
static bool would_split(uintptr_t start, uintptr_t end)
{
    if (!lock_take(&model_lock))
        return false;
    struct region *r = regions_from(start);
    bool whole = r && r->start == start && r->end == end;
    lock_drop(&model_lock);
    return !whole;
}

long engine_mprotect(uintptr_t addr, size_t len, int prot)
{
    uintptr_t end;
    bool to_none = prot == PROT_NONE && gate_open() && sound(addr, len, &end);
    if (to_none && pressure_actions().guards && would_split(addr, end) &&
        guards_install(addr, end)) {
        guards_convert();
        return finish(0, "mprotect", len);
    }
    if (!begin_change(addr, len, &end))
        return sys_mprotect(addr, len, prot);
    if (prot != PROT_NONE)
        guards_lift(addr, end);
    long answer = sys_mprotect(addr, len, prot);
    if (answer == -ENOMEM && to_none && options.guards != GUARDS_OFF && canary_at_limit() &&
        guards_install(addr, end))
        answer = 0;
    uint32_t odd = (uint32_t)prot & ~(uint32_t)REGION_PROT ? REGION_FOREIGN : 0;
    end_change(addr, end, answer, REGION_PROT, ((uint32_t)prot & REGION_PROT) | odd);
    return finish(answer, "mprotect", len);
}

long engine_pkey_mprotect(uintptr_t addr, size_t len, int prot, int pkey)
{
    uintptr_t end;
    if (pkey == -1)
        return engine_mprotect(addr, len, prot);
    if (!begin_change(addr, len, &end))
        return sys_pkey_mprotect(addr, len, prot, pkey);
    if (prot != PROT_NONE)
        guards_lift(addr, end);
    long answer = sys_pkey_mprotect(addr, len, prot, pkey);
    end_change(addr, end, answer, REGION_PROT, ((uint32_t)prot & REGION_PROT) | REGION_FOREIGN);
    return finish(answer, "pkey_mprotect", len);
}

/* Advice about the pages that are there now, which leaves nothing behind in the map. */
static bool acts_on_pages(int advice)
{
    return advice == MADV_WILLNEED || advice == MADV_DONTNEED || advice == MADV_FREE ||
           advice == MADV_REMOVE || advice == MADV_COLD || advice == MADV_PAGEOUT ||
           advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE ||
           advice == MADV_COLLAPSE || advice == MADV_DONTNEED_LOCKED;
}

/* The advice that stays with a map (VM_ flags); false for advice that is an act on its pages. */
static bool advice_kind(int advice, uint32_t *clear, uint32_t *set)
{
    static const struct {
        int advice;
        uint32_t clear, set;
    } lasting[] = {
        { MADV_NORMAL, REGION_RANDOM | REGION_SEQUENTIAL, 0 },
        { MADV_RANDOM, REGION_SEQUENTIAL, REGION_RANDOM },
        { MADV_SEQUENTIAL, REGION_RANDOM, REGION_SEQUENTIAL },
        { MADV_DONTFORK, 0, REGION_DONTFORK },
        { MADV_DOFORK, REGION_DONTFORK, 0 },
        { MADV_DONTDUMP, 0, REGION_DONTDUMP },
        { MADV_DODUMP, REGION_DONTDUMP, 0 },
        { MADV_HUGEPAGE, REGION_NOHUGE, REGION_HUGE },
        { MADV_NOHUGEPAGE, REGION_HUGE, REGION_NOHUGE },
        { MADV_MERGEABLE, 0, REGION_MERGEABLE },
        { MADV_UNMERGEABLE, REGION_MERGEABLE, 0 },
        { MADV_WIPEONFORK, 0, REGION_WIPEONFORK },
        { MADV_KEEPONFORK, REGION_WIPEONFORK, 0 },
    };
    for (unsigned i = 0; i < sizeof lasting / sizeof *lasting; i++) {
        if (lasting[i].advice == advice) {
            *clear = lasting[i].clear;
            *set = lasting[i].set;
            return true;
        }
    }
    *clear = 0;
    *set = REGION_FOREIGN; /* guard markers, and what later kernels bring: not to be made anew */
    return !acts_on_pages(advice);
}

/* Advice that a program cannot miss when it is not taken. */
static bool tunes_speed(int advice)
{
    return advice == MADV_NORMAL || advice == MADV_RANDOM || advice == MADV_SEQUENTIAL ||
           advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE || advice == MADV_MERGEABLE ||
           advice == MADV_UNMERGEABLE;
}

long engine_madvise(uintptr_t addr, size_t len, int advice)
{
    uintptr_t end;
    uint32_t clear, set;
    if (!advice_kind(advice, &clear, &set))
        return sys_madvise(addr, len, advice);
    if (advice == MADV_WIPEONFORK && gate_open() && sound(addr, len, &end))
        make_guards_plain(addr, end);
    if (!begin_change(addr, len, &end))
        return sys_madvise(addr, len, advice);
    long answer = sys_madvise(addr, len, advice);
    end_change(addr, end, answer, clear, set);
    if ((answer == -EAGAIN || answer == -ENOMEM) && tunes_speed(advice) && canary_at_limit()) {
        STATUS_ADD(swallowed, 1);
        return finish(0, "madvise", len);
    }
    return finish(answer, "madvise", len);
}

/* mlock and its kin take any address and work on whole pages. */
static size_t whole_pages(uintptr_t *addr, size_t len)
{
    uintptr_t start = page_down(*addr);
    len += *addr - start;
    *addr = start;
    return len;
}

/* flags < 0: plain mlock. */
static long lock_range(uintptr_t addr, size_t len, long flags)
{
    uintptr_t end, start = addr;
    bool marked = begin_change(start, whole_pages(&start, len), &end);
    long answer = flags < 0 ? sys_mlock(addr, len) : sys_mlock2(addr, len, (unsigned)flags);
    if (!marked)
        return answer;
    end_change(start, end, answer, 0, REGION_LOCKED);
    return finish(answer, "mlock", len);
}

long engine_mlock(uintptr_t addr, size_t len)
{
    return lock_range(addr, len, -1);
}

long engine_mlock2(uintptr_t addr, size_t len, unsigned flags)
{
    return lock_range(addr, len, flags);
}

long engine_munlock(uintptr_t addr, size_t len)
{
    uintptr_t end, start = addr;
    bool marked = begin_change(start, whole_pages(&start, len), &end);
    long answer = sys_munlock(addr, len);
    if (!marked)
        return answer;
    end_change(start, end, answer, REGION_LOCKED, 0);
    return finish(answer, "munlock", len);
}

/* ---- the whole address space ---- */

static void set_all(uint32_t clear, uint32_t set)
{
    if (!gate_take(0, UINTPTR_MAX))
        return;
    for (struct region *r = regions_from(0); r; r = r->after)
        r->kind = (r->kind & ~clear) | set;
    gate_drop();
}

static void lock_future(bool on)
{
    __atomic_store_n(&future_locked, on, __ATOMIC_RELAXED);
    placement_locks_future(on);
}

long engine_mlockall(int flags)
{
    if (!gate_open())
        return sys_mlockall(flags);
    bool was = future_locked;
    lock_future(was || (flags & MCL_FUTURE));
    placement_retire_masters();
    retention_give_all_back();
    finish(0, "mlockall", 0); /* buries the masters: they would be locked, whole files of them */
    long answer = sys_mlockall(flags);
    if (answer == 0 && (flags & MCL_CURRENT))
        set_all(0, REGION_LOCKED);
    lock_future(answer == 0 ? flags & MCL_FUTURE : was);
    return finish(answer, "mlockall", 0);
}

long engine_munlockall(void)
{
    long answer = sys_munlockall();
    if (gate_open() && answer == 0) {
        set_all(REGION_LOCKED, 0);
        lock_future(false);
    }
    return answer;
}

/* ---- what is not about ranges ---- */

long engine_ftruncate(int fd, off_t len)
{
    return sys_ftruncate(fd, len);
}

/* With SHM_REMAP it replaces what lies there, like MAP_FIXED. */
long engine_shmat(int id, uintptr_t addr, int flags)
{
    size_t len;
    if ((flags & SHM_REMAP) && gate_open() && sys_shm_size(id, &len) == 0) {
        uintptr_t start = page_down(addr), end = page_up(addr + len);
        if (end > start && gate_take(start, end)) {
            regions_forget(start, end);
            gate_drop();
        }
    }
    return sys_shmat(id, addr, flags);
}

long engine_flock(int fd, int operation)
{
    if (gate_open())
        placement_flocked(fd);
    return sys_flock(fd, operation);
}

long engine_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    /* What comes next is a seccomp filter made for the calls that this program makes, and it may
     * kill for others. libseccomp sets no_new_privs by prctl and the filter past libc. */
    if ((option == PR_SET_SECCOMP || (option == PR_SET_NO_NEW_PRIVS && a == 1)) && gate_open()) {
        log_line(LOG_INFO, "the program sandboxes itself: everything passes through from here on");
        log_silence();
        metrics_stop();
        gate_close(MAPHERD_SANDBOXED);
    }
    return sys_prctl(option, a, b, c, d);
}
