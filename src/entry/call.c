/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * call: see call.h.
 */
#define _GNU_SOURCE
#include "entry/call.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common/due.h"
#include "common/pages.h"
#include "entry/capabilities.h"
#include "entry/gate.h"
#include "herd/guards.h"
#include "herd/placement.h"
#include "herd/retention.h"
#include "kernel/canary.h"
#include "kernel/lock.h"
#include "kernel/markers.h"
#include "kernel/newer.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "limit/explain.h"
#include "mapherd/mapherd.h"
#include "sites/gostubs.h"
#include "space/count.h"
#include "space/merge.h"
#include "space/model.h"
#include "space/regions.h"
#include "tell/log.h"
#include "tell/options.h"
#include "trace/record.h"

static bool future_locked;

bool call_may_relieve(void)
{
    return options.mode != MODE_OBSERVE && canary_at_limit();
}

bool call_locks_future(void)
{
    return __atomic_load_n(&future_locked, __ATOMIC_RELAXED);
}

void call_lock_future(bool on)
{
    __atomic_store_n(&future_locked, on, __ATOMIC_RELAXED);
    placement_locks_future(on);
    cold_lock_future(on);
}

/* The model may be wrong: the program is to run on without it. */
static void withdraw(void)
{
    static int withdrawn;
    /* In a handler that has interrupted the owner of the model lock nothing could be given back:
     * the end of the call that it has interrupted does that. */
    if (model_mine() || !gate_is_ours())
        return;
    due_clear(DUE_MISTAKE);
    if (!gate_open() || __atomic_exchange_n(&withdrawn, 1, __ATOMIC_RELAXED))
        return;
    log_line(EVENT_mistake,
             "mapherd has made a mistake: %s was called without its lock, or out of their order; "
             "everything passes through from here on; please report this line",
             lock_mistake());
    call_make_guards_plain(0, UINTPTR_MAX - page_size + 1);
    capabilities_withdraw();
    gate_close(MAPHERD_MISTAKEN);
}

/* ---- the stack of the caller ---- */

static struct {
    uintptr_t low, high;
} main_stack;

void call_start(uintptr_t top)
{
    enum { MOST = 8 << 20 }; /* what the kernel keeps free below it, whatever the limit is */
    struct rlimit limit;
    if (top && sys_prlimit(0, RLIMIT_STACK, NULL, &limit) == 0) {
        main_stack.high = top;
        main_stack.low = top - (limit.rlim_cur < MOST ? limit.rlim_cur : MOST);
    }
}

/*
 * Where sites are redirected, libc may call from everywhere: on the stack of a fiber or of a signal
 * handler, which may have 2 KiB. So what takes more, and can wait for a call elsewhere, is done
 * only on the stack of the main thread, and on one that libc has made for a thread (MAP_STACK),
 * with this much left. A guard marker divides such memory as the end of a mapping does.
 */
static bool has_room(void)
{
    enum { ROOM = 16 << 10 };
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), from = here - ROOM, to = here;
    if (!gate_sees_forks() || (here < main_stack.high && from >= main_stack.low) ||
        gostubs_is_stack(here))
        return true;
    if (!model_take())
        return false;
    struct region *r = regions_from(here);
    bool room = r && r->start <= from && (r->kind & REGION_STACK) && (r->kind & PROT_WRITE);
    model_drop();
    return room && !guards_next(&from, &to);
}

/* ---- the end of a call ---- */

void call_settle_due(void)
{
    due_count_call();
    if (record_asked())
        due_set(DUE_RECORD);
    if (due_now() && has_room()) {
        capabilities_settle();
        if (due_now() >> DUE_MISTAKE & 1)
            withdraw();
    }
}

long call_end_of(const struct failed_call *call)
{
    bool explains = call->error == -ENOMEM || call->error == -EAGAIN || call->error == -EPERM;
    if (explains && has_room())
        explain_failure(call);
    call_settle_due();
    return call->error;
}

long call_end(long answer, const char *what, size_t len)
{
    if (!sys_failed(answer)) {
        call_settle_due();
        return answer;
    }
    return call_end_of(&(struct failed_call){ .name = what, .error = answer, .len = len });
}

bool call_is_valid(uintptr_t addr, size_t len, uintptr_t *end)
{
    *end = page_up(addr + len);
    return !(addr & (page_size - 1)) && len && addr + len > addr && *end > addr;
}

/* retention_tidy: what is left of a retained range beside the part that goes saves no VMA any
 * more. */
bool call_give_back(uintptr_t start, uintptr_t end)
{
    bool free = retained_vacate(start, end);
    retention_tidy(start, end);
    return free;
}

bool call_vacate(uintptr_t addr, size_t len)
{
    uintptr_t start = page_down(addr), end = page_up(addr + len);
    return !regions_retained_bytes() || !gate_open() || end <= start || call_give_back(start, end);
}

bool call_begin_change(uintptr_t addr, size_t len, uintptr_t *end)
{
    if (!call_is_valid(addr, len, end))
        return false;
    if (!gate_open() || !gate_take(addr, *end)) {
        cold_forgo(addr, *end);
        return false;
    }
    long before = regions_vmas_around(addr, *end);
    bool known = regions_cover(addr, *end);
    regions_change(addr, *end, 0, REGION_CHANGING);
    changes_begin(addr, *end);
    count_begin(regions_vmas_around(addr, *end) - before + (known ? 0 : 2));
    model_drop();
    cold_begin_use(addr, *end);
    return true;
}

void call_end_change(uintptr_t addr, uintptr_t end, long answer, uint32_t clear, uint32_t set)
{
    count_ended();
    cold_end_change(addr, end, answer, clear, set);
    if (!gate_take(addr, end))
        return;
    changes_end(addr, end);
    long before = regions_vmas_around(addr, end);
    if (answer < 0 && answer != -EINVAL)
        regions_change(addr, end, REGION_CHANGING, REGION_FOREIGN);
    else
        regions_change(addr, end, REGION_CHANGING | (answer ? 0 : clear), answer ? 0 : set);
    count_add(regions_vmas_around(addr, end) - before);
    model_drop();
    retention_tidy(addr, end);
}

void call_settle(uintptr_t addr, uintptr_t end)
{
    if (!gate_take(addr, end))
        return;
    struct region *r = regions_starting_at(addr);
    if (r)
        merge_settle(&r);
    model_drop();
}

/* Where the kernel does not show markers (before 6.16), the page is asked for: the kernel gives
 * it only where there is no marker. */
static bool is_marked(uintptr_t page)
{
    return markers_shown() ? markers_all_over(page, page + page_size)
                           : sys_madvise(page, page_size, MADV_POPULATE_READ) < 0;
}

void call_make_guards_plain(uintptr_t start, uintptr_t end)
{
    uintptr_t from = start, to = end, upto;
    for (; from < end && guards_next(&from, &to); from = to, to = end) {
        uintptr_t real = from;
        while (real < to && is_marked(real))
            real += page_size;
        if (real == from) { /* it has gone by a call that no hook saw */
            to = from + page_size;
            guards_drop(guards_take(from, to));
            continue;
        }
        to = real;
        if (!call_begin_change(from, to - from, &upto))
            return;
        long answer = sys_mprotect(from, to - from, PROT_NONE);
        if (answer == 0)
            guards_lift(from, to);
        call_end_change(from, to, answer, REGION_PROT, 0);
    }
}
