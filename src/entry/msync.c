/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * msync: engine_msync (engine.h), the call that waits for the disk.
 *
 * Rules: No lock is held while the call waits. Every call goes through libc's msync, also one that
 * has nothing to do, because msync is a cancellation point.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "disk/spill.h"
#include "disk/zeros.h"
#include "entry/call.h"
#include "entry/engine.h"
#include "entry/gate.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "space/model.h"
#include "space/pending.h"
#include "sync/latency.h"
#include "sync/sync.h"
#include "tell/metrics.h"

/* The error that is pending for the range, besides what the kernel says; or 0. */
static int take_pending(uintptr_t start, uintptr_t end)
{
    if (!pending_any() || !gate_take(start, end))
        return 0;
    int error = pending_take(start, end);
    model_drop();
    return error;
}

/* Makes the call as planned. If a part that the plan has added is not mapped (any more), makes
 * the call that the program asked for. If all is mapped, ENOMEM is the disk's: an error of
 * write-back may be any errno (mm/filemap.c), and the kernel has told it now. */
static long carry_out(struct sync_plan *p, size_t len, engine_ask *ask)
{
    bool widened = p->stop - p->start > p->end - p->addr;
    if (p->skip)
        return ask(p->addr, 0, MS_SYNC);
    long answer = ask(p->start, widened ? p->stop - p->start : len, MS_SYNC);
    if (answer != -ENOMEM || !sync_met_hole(p) || !widened)
        return answer;
    sync_narrow(p);
    return ask(p->addr, len, MS_SYNC);
}

static long sync_range(uintptr_t addr, size_t len, uintptr_t end, engine_ask *ask)
{
    struct sync_plan p;
    sync_plan(addr, end, &p);
    struct synced s = { .addr = p.start,
                        .len = p.stop - p.start,
                        .fd = p.fd,
                        .dev = p.dev,
                        .ino = p.ino,
                        .offset = p.offset };
    if (p.skip) {
        long answer = carry_out(&p, len, ask);
        sync_done(&p, answer, 0);
        return answer;
    }
    latency_begin(&s);
    long answer = carry_out(&p, len, ask);
    sync_done(&p, answer, latency_end(&s, answer));
    return answer;
}

/* MS_ASYNC starts nothing, waits for nothing and learns of no error (mm/msync.c). MS_INVALIDATE
 * is left to the kernel: such a call is not planned. */
long engine_msync(uintptr_t addr, size_t len, int flags, engine_ask *ask)
{
    uintptr_t end;
    bool ours = (flags & MS_SYNC) && gate_open() && call_is_valid(addr, len, &end);
    if (!call_vacate(addr, len)) {
        ask(addr, 0, MS_ASYNC); /* a cancellation point all the same */
        return -ENOMEM;
    }
    if (gate_open())
        zeros_settle();
    int spilled = ours ? spill_return(addr, end) : 0;
    bool waits = (flags & MS_SYNC) && call_is_valid(addr, len, &end);
    if (waits)
        cold_begin_use(addr, end);
    long answer =
        ours && flags == MS_SYNC ? sync_range(addr, len, end, ask) : ask(addr, len, flags);
    if (answer == 0 && waits && cold_in(addr, end))
        answer = -EIO; /* what could not be made warm is not synced */
    if (waits)
        cold_end_use(addr, end);
    if (answer == 0 && ours) {
        int lost = zeros_error(addr, end), told = take_pending(addr, end);
        answer = -(spilled ? spilled : told ? told : lost);
    }
    if (answer == 0 && (flags & MS_SYNC) && gate_helpless() && call_is_valid(addr, len, &end))
        answer = -spill_abandoned(addr, end);
    if (gate_open())
        zeros_settle(); /* a file has changed while this thread had the model lock */
    if (ours)
        metrics_settle();
    return answer;
}
