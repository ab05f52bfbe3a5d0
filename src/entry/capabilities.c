/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * capabilities: see capabilities.h.
 */
#define _GNU_SOURCE
#include "entry/capabilities.h"

#include <stdbool.h>

#include "common/due.h"
#include "common/libc.h"
#include "disk/keeps.h"
#include "disk/overlays.h"
#include "disk/prealloc.h"
#include "disk/spill.h"
#include "disk/zeros.h"
#include "herd/placement.h"
#include "herd/retention.h"
#include "kernel/brief.h"
#include "kernel/canary.h"
#include "kernel/lock.h"
#include "kernel/procmaps.h"
#include "limit/cold.h"
#include "limit/reserve.h"
#include "space/count.h"
#include "space/model.h"
#include "tell/log.h"
#include "tell/metrics.h"
#include "tell/options.h"
#include "trace/javastack.h"
#include "trace/leaks.h"
#include "trace/record.h"
#include "unwind/jitmap.h"
#include "unwind/module.h"

/* ---- what takes more than one function of a part ---- */

static bool protects(void)
{
    return options.mode != MODE_OBSERVE;
}

/* These sanitizers divide the address space themselves: there are no windows with them. */
static void start_placement(void)
{
    placement_switch(protects() && options.coalesce != COALESCE_OFF && !__tsan_init &&
                     !__msan_init);
}

static void start_prealloc(void)
{
    if (protects())
        prealloc_start();
}

static void start_metrics(void)
{
    if (!options.metrics.len)
        return;
    count_now();
    metrics_start(log_name());
}

static void start_record(void)
{
    javastack_start();
    record_start(log_name());
}

static void begin_record_in_child(void)
{
    leaks_after_fork();
    record_after_fork();
}

static void begin_overlays_in_child(void)
{
    overlays_after_fork();
    spill_forked(true);
}

static bool settle_overlays(void)
{
    spill_settle();
    zeros_settle();
    return overlays_any();
}

static void withdraw_overlays(void)
{
    spill_end();
    spill_release_leases();
    zeros_withdraw();
}

static void end_spill(void)
{
    if (overlays_any())
        spill_end();
}

/* ---- the table ---- */

static const struct capability {
    void (*start)(void);    /* in the constructor */
    void (*in_child)(void); /* in a forked child that has no other thread yet */
    void (*withdraw)(void); /* the library is to make no calls any more */
    void (*end)(void);      /* the process ends */
} capabilities[] = {
    { .in_child = lock_forget_thread },
    { .in_child = model_after_fork },
    { .start = brief_start },
    { .start = module_start },
    { .start = jitmap_start },
    { .in_child = log_after_fork, .withdraw = log_silence },
    { .start = start_metrics,
      .in_child = metrics_after_fork,
      .withdraw = metrics_stop,
      .end = metrics_stop },
    { .start = start_record,
      .in_child = begin_record_in_child,
      .withdraw = record_close,
      .end = record_end },
    { .in_child = canary_after_fork },
    { .in_child = gaps_after_fork },
    { .in_child = count_begin_in_child },
    { .in_child = reserve_after_fork },
    { .in_child = changes_after_fork },
    { .in_child = cold_after_fork, .withdraw = cold_withdraw },
    { .start = start_placement },
    { .in_child = retained_after_fork, .withdraw = retention_give_all_back },
    { .in_child = keeps_after_fork, .withdraw = keeps_close_files },
    { .start = start_prealloc },
    { .start = spill_start,
      .in_child = begin_overlays_in_child,
      .withdraw = withdraw_overlays,
      .end = end_spill },
};

/* What is done for each bit of the word. Each answers whether more of it is left. */
static bool (*const settle_of[])(void) = {
    [DUE_OVERLAYS] = settle_overlays,   [DUE_KEEPS] = keeps_settle,
    [DUE_RETENTION] = retention_settle, [DUE_COUNT] = count_settle,
    [DUE_COLD] = cold_settle,           [DUE_MASTERS] = placement_settle,
    [DUE_RECORD] = record_settle,       [DUE_METRICS] = metrics_settle,
};
enum { WORK = sizeof settle_of / sizeof *settle_of };

/* These look at the clock, whether it is time for their work. What a look misses waits for the
 * next. */
enum { LOOKS = 1U << DUE_RECORD | 1U << DUE_METRICS };

enum { COUNT = sizeof capabilities / sizeof *capabilities };

void capabilities_start(void)
{
    for (unsigned n = 0; n < COUNT; n++)
        if (capabilities[n].start)
            capabilities[n].start();
}

void capabilities_begin_in_child(void)
{
    for (unsigned n = 0; n < COUNT; n++)
        if (capabilities[n].in_child)
            capabilities[n].in_child();
    due_calls = 0;
    /* A thread that is not here may have been about to do what was due. */
    for (unsigned bit = 0; bit < WORK; bit++)
        due_set((enum due)bit);
}

/* Another thread may leave more after settle has found nothing and before the bit is cleared. So
 * settle is asked again then. A look is made once, because it is a system call, and its bit is
 * cleared first. The other bits stay set meanwhile: a handler may leave settle by a jump. */
static void settle(enum due bit)
{
    if (LOOKS >> bit & 1) {
        due_clear(bit);
        settle_of[bit]();
        return;
    }
    if (settle_of[bit]())
        return;
    due_clear(bit);
    if (settle_of[bit]())
        due_set(bit);
}

/* What one part leaves to a later one is done in the same call. */
void capabilities_settle(void)
{
    const unsigned all = (1U << WORK) - 1;
    unsigned due, left = all;
    while ((due = due_now() & left)) {
        unsigned bit = (unsigned)__builtin_ctz(due);
        left = ~0U << (bit + 1) & all;
        settle((enum due)bit);
    }
}

void capabilities_withdraw(void)
{
    for (unsigned n = COUNT; n--;)
        if (capabilities[n].withdraw)
            capabilities[n].withdraw();
}

void capabilities_end(void)
{
    for (unsigned n = COUNT; n--;)
        if (capabilities[n].end)
            capabilities[n].end();
}
