/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* change: the calls of engine.h that change mappings in place: mprotect, madvise, mlock and
 * those like them. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "common/pages.h"
#include "entry/call.h"
#include "entry/engine.h"
#include "entry/gate.h"
#include "herd/guards.h"
#include "herd/placement.h"
#include "herd/retention.h"
#include "kernel/newer.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "space/model.h"
#include "space/pressure.h"
#include "space/regions.h"
#include "tell/options.h"
#include "tell/status.h"

/*
 * Whether a guard (PROT_NONE) of this range may be a marker instead. It may in private anonymous
 * memory, and where the model knows nothing: raw system calls map past the hooks. This only spares
 * needless questions; before a marker is made, guards.c asks the kernel what lies there.
 * GUARD_PART: the guard would split a VMA. GUARD_WHOLE: it would be a VMA of its own anyway.
 */
enum guard { GUARD_PLAIN, GUARD_WHOLE, GUARD_PART };

static enum guard guard_of(uintptr_t start, uintptr_t end)
{
    if (!model_take())
        return GUARD_PLAIN;
    struct region *r = regions_from(start);
    enum guard guard = GUARD_PLAIN;
    if (!r || r->start >= end)
        guard = GUARD_PART; /* only the kernel knows of what */
    else if (r->start <= start && r->end >= end &&
             (r->kind & (REGION_ANONYMOUS | REGION_SHARED | REGION_RETAINED)) == REGION_ANONYMOUS)
        guard = r->start < start || r->end > end || (r->before && regions_one_vma(r->before, r)) ||
                        (r->after && regions_one_vma(r, r->after))
                    ? GUARD_PART
                    : GUARD_WHOLE;
    model_drop();
    return guard;
}

/*
 * The program has asked for prot, and the kernel has answered: markers must go where access was
 * given. The kernel carries out a call that fails up to the first page that it refuses
 * (mm/mprotect.c). So the call is repeated up to each guard: it succeeds if the guard lies before
 * that page.
 */
static void lift_guards(uintptr_t addr, uintptr_t end, int prot, int pkey, long answer)
{
    uintptr_t from = addr, to = end;
    if (prot == PROT_NONE)
        return;
    if (answer == 0) {
        guards_lift(addr, end);
        return;
    }
    for (; from < end && guards_next(&from, &to); from = to, to = end) {
        if (sys_pkey_mprotect(addr, to - addr, prot, pkey) < 0)
            return;
        guards_lift(from, to);
    }
}

/* After the destructor, and in a signal handler that interrupted the library, markers are lifted
 * all the same. */
static long pass_through(uintptr_t addr, size_t len, int prot, long answer)
{
    uintptr_t end;
    if (answer == 0 && prot != PROT_NONE && call_is_valid(addr, len, &end))
        guards_lift(addr, end);
    return answer;
}

/*
 * libc makes the stack of a thread of memory without access, and then gives access to all but the
 * guard at its low end. Returns the start of such a guard below addr, 0 if the model has none.
 */
static uintptr_t closed_below(uintptr_t addr)
{
    if (!model_take())
        return 0;
    struct region *r = regions_from(addr);
    uint32_t kind = r ? r->kind & ~(uint32_t)REGION_NORESERVE : 0;
    uintptr_t start = kind == (REGION_ANONYMOUS | REGION_STACK) && r->start < addr ? r->start : 0;
    model_drop();
    return start;
}

/* Makes that guard a marker. Returns 1 where that is done and the range has its access, 0 where
 * nothing is done, and -ENOMEM where the program's call has to fail. */
static long open_above_guard(uintptr_t addr, size_t len, int prot)
{
    uintptr_t end, start = options.guards != GUARDS_OFF && pressure_actions().guards &&
                                   gate_open() && call_is_valid(addr, len, &end)
                               ? closed_below(addr)
                               : 0;
    if (!start || !guards_possible(start, addr) ||
        !call_begin_change(start, addr + len - start, &end))
        return 0;
    long answer = guards_beneath(start, addr, end, prot);
    call_end_change(start, end, 0, answer > 0 ? REGION_PROT : 0, answer > 0 ? (uint32_t)prot : 0);
    call_settle(start, end);
    return answer;
}

static long protect(uintptr_t addr, size_t len, int prot, bool own)
{
    uintptr_t end;
    if (!call_vacate(addr, len))
        return -ENOMEM;
    long opened = own && prot == (PROT_READ | PROT_WRITE) ? open_above_guard(addr, len, prot) : 0;
    if (opened)
        return call_end(opened > 0 ? 0 : opened, "mprotect", len);
    enum guard guard = prot == PROT_NONE && options.guards != GUARDS_OFF && gate_open() &&
                               call_is_valid(addr, len, &end) && guards_possible(addr, end)
                           ? guard_of(addr, end)
                           : GUARD_PLAIN;
    bool seen = call_begin_change(addr, len, &end);
    long answer = sys_mprotect(addr, len, prot);
    if (!seen)
        return pass_through(addr, len, prot, answer);
    lift_guards(addr, end, prot, -1, answer);
    bool marked = false;
    if (answer == 0 && guard == GUARD_PART && pressure_actions().guards)
        marked = guards_install(addr, end);
    else if (answer == -ENOMEM && guard != GUARD_PLAIN && call_may_relieve())
        marked = guards_instead(addr, end);
    if (marked) {
        call_end_change(addr, end, 0, 0, 0); /* with a marker, the protection stays as it was */
        call_settle(addr, end);
        return call_end(0, "mprotect", len);
    }
    uint32_t odd = (uint32_t)prot & ~(uint32_t)REGION_PROT ? REGION_FOREIGN : 0;
    call_end_change(addr, end, answer, REGION_PROT, ((uint32_t)prot & REGION_PROT) | odd);
    return call_end_of(&(struct failed_call){ "mprotect", answer, len, prot, 0, addr, own });
}

long engine_mprotect(uintptr_t addr, size_t len, int prot)
{
    return protect(addr, len, prot, false);
}

long engine_mprotect_own(uintptr_t addr, size_t len, int prot)
{
    return protect(addr, len, prot, true);
}

long engine_pkey_mprotect(uintptr_t addr, size_t len, int prot, int pkey)
{
    uintptr_t end;
    if (pkey == -1)
        return engine_mprotect(addr, len, prot);
    if (!call_vacate(addr, len))
        return -ENOMEM;
    bool seen = call_begin_change(addr, len, &end);
    long answer = sys_pkey_mprotect(addr, len, prot, pkey);
    if (!seen)
        return pass_through(addr, len, prot, answer);
    lift_guards(addr, end, prot, pkey, answer);
    call_end_change(addr, end, answer, REGION_PROT,
                    ((uint32_t)prot & REGION_PROT) | REGION_FOREIGN);
    return call_end_of(&(struct failed_call){ "pkey_mprotect", answer, len, prot, 0, addr, false });
}

/* Advice about the pages that are there now. It leaves no flag in the VMA. */
static bool acts_on_pages(int advice)
{
    return advice == MADV_WILLNEED || advice == MADV_DONTNEED || advice == MADV_FREE ||
           advice == MADV_REMOVE || advice == MADV_COLD || advice == MADV_PAGEOUT ||
           advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE ||
           advice == MADV_COLLAPSE || advice == MADV_DONTNEED_LOCKED;
}

/* The flags that an advice takes away and sets. False for advice that acts on pages and leaves
 * no flag. */
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
    *set = REGION_FOREIGN; /* guard markers, and advice that this library does not know */
    return !acts_on_pages(advice);
}

/* Advice that the kernel answers otherwise over a marker than over memory without access: it
 * removes markers, makes its own, or fails with another error. */
static bool meets_markers(int advice)
{
    return advice == MADV_WIPEONFORK || advice == MADV_GUARD_INSTALL ||
           advice == MADV_GUARD_REMOVE || advice == MADV_POPULATE_READ ||
           advice == MADV_POPULATE_WRITE;
}

/* Advice about speed alone: if the kernel refuses it at the map limit, the program is told that
 * it was taken. */
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
    if (!call_vacate(addr, len))
        return -ENOMEM;
    if (meets_markers(advice) && gate_open() && call_is_valid(addr, len, &end))
        call_make_guards_plain(addr, end);
    if (!advice_kind(advice, &clear, &set)) {
        bool used = call_is_valid(addr, len, &end) && cold_begin_use(addr, end);
        long answer = sys_madvise(addr, len, advice);
        if (used)
            cold_end_use(addr, end);
        return answer;
    }
    if (!call_begin_change(addr, len, &end))
        return sys_madvise(addr, len, advice);
    long answer = sys_madvise(addr, len, advice);
    call_end_change(addr, end, answer, clear, set);
    if ((answer == -EAGAIN || answer == -ENOMEM) && tunes_speed(advice) && call_may_relieve()) {
        STATUS_ADD(swallowed, 1);
        return call_end(0, "madvise", len);
    }
    return call_end(answer, "madvise", len);
}

/* mlock, mlock2 and munlock take any address and work on whole pages. */
static size_t whole_pages(uintptr_t *addr, size_t len)
{
    uintptr_t start = page_down(*addr);
    len += *addr - start;
    *addr = start;
    return len;
}

/* flags: those of mlock2; -1 for mlock. */
static long lock_range(uintptr_t addr, size_t len, long flags)
{
    uintptr_t end, start = addr;
    if (!call_vacate(addr, len))
        return -ENOMEM;
    bool marked = call_begin_change(start, whole_pages(&start, len), &end);
    long answer;
    do
        answer = flags < 0 ? sys_mlock(addr, len) : sys_mlock2(addr, len, (unsigned)flags);
    while (marked && retention_makes_room(answer));
    if (!marked)
        return answer;
    call_end_change(start, end, answer, 0, REGION_LOCKED);
    return call_end_of(
        &(struct failed_call){ flags < 0 ? "mlock" : "mlock2", answer, len, 0, 0, addr, false });
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
    if (!call_vacate(addr, len))
        return -ENOMEM;
    bool marked = call_begin_change(start, whole_pages(&start, len), &end);
    long answer = sys_munlock(addr, len);
    if (!marked)
        return answer;
    call_end_change(start, end, answer, REGION_LOCKED, 0);
    return call_end(answer, "munlock", len);
}

long engine_mincore(uintptr_t addr, size_t len, unsigned char *vec)
{
    if (!call_vacate(addr, len))
        return -ENOMEM;
    cold_reach((const void *)addr, len);
    return sys_mincore(addr, len, vec);
}

/* ---- the whole address space ---- */

static void set_all(uint32_t clear, uint32_t set)
{
    if (!gate_take(0, UINTPTR_MAX))
        return;
    for (struct region *r = regions_from(0); r; r = r->after)
        r->kind = (r->kind & ~clear) | set;
    model_drop();
}

long engine_mlockall(int flags)
{
    if (!gate_open())
        return sys_mlockall(flags);
    bool was = call_locks_future();
    call_lock_future(was || (flags & MCL_FUTURE));
    cold_forgo(0, UINTPTR_MAX);
    placement_retire_masters();
    retention_give_all_back();
    call_end(0, "mlockall", 0); /* unmaps the masters */
    long answer = sys_mlockall(flags);
    if (answer == 0 && (flags & MCL_CURRENT))
        set_all(0, REGION_LOCKED);
    call_lock_future(answer == 0 ? flags & MCL_FUTURE : was);
    return call_end(answer, "mlockall", 0);
}

long engine_munlockall(void)
{
    long answer = sys_munlockall();
    if (gate_open() && answer == 0) {
        set_all(REGION_LOCKED, 0);
        call_lock_future(false);
    }
    return answer;
}
