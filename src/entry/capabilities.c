/*
 * capabilities: see capabilities.h.
 */
#define _GNU_SOURCE
#include "entry/capabilities.h"

#include <stdbool.h>

#include "common/due.h"
#include "disk/overlays.h"
#include "disk/prealloc.h"
#include "disk/spill.h"
#include "disk/zeros.h"
#include "herd/placement.h"
#include "herd/retained.h"
#include "herd/retention.h"
#include "kernel/brief.h"
#include "kernel/canary.h"
#include "kernel/gaps.h"
#include "kernel/lock.h"
#include "limit/reserve.h"
#include "space/changes.h"
#include "space/count.h"
#include "space/keeps.h"
#include "space/masters.h"
#include "tell/log.h"
#include "tell/metrics.h"
#include "tell/options.h"
#include "trace/javastack.h"
#include "trace/leaks.h"
#include "trace/record.h"

/* ---- what takes more than one function of a part ---- */

/* These sanitizers divide the address space themselves: there are no windows with them. */
extern char __tsan_init[] __attribute__((weak));
extern char __msan_init[] __attribute__((weak));

static bool protects(void)
{
    return options.mode == MODE_PROTECT;
}

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
    leaks_ask_java(javastack_take);
    record_start(log_name());
}

static void begin_record_in_child(void)
{
    leaks_after_fork();
    record_after_fork();
}

static void begin_count_in_child(void)
{
    count_after_fork(true);
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
    void (*start)(void);
    bool (*settle)(void); /* answers whether more is left of what is due */
    enum due due;         /* the bit for which settle is called */
    void (*in_child)(void);
    void (*sandbox)(void);
    void (*end)(void);
} capabilities[] = {
    { .in_child = lock_forget_thread },
    { .start = brief_start },
    { .in_child = log_after_fork, .sandbox = log_silence },
    { .start = start_metrics,
      .settle = metrics_settle,
      .due = DUE_METRICS,
      .in_child = metrics_after_fork,
      .sandbox = metrics_stop,
      .end = metrics_stop },
    { .start = start_record,
      .settle = record_settle,
      .due = DUE_RECORD,
      .in_child = begin_record_in_child,
      .sandbox = record_close,
      .end = record_end },
    { .in_child = canary_after_fork },
    { .in_child = gaps_after_fork },
    { .settle = masters_settle, .due = DUE_MASTERS },
    { .settle = count_settle, .due = DUE_COUNT, .in_child = begin_count_in_child },
    { .in_child = reserve_after_fork },
    { .in_child = changes_after_fork },
    { .start = start_placement },
    { .settle = retention_settle,
      .due = DUE_RETENTION,
      .in_child = retained_after_fork,
      .sandbox = retention_give_all_back },
    { .settle = keeps_settle,
      .due = DUE_KEEPS,
      .in_child = keeps_after_fork,
      .sandbox = keeps_close_files },
    { .start = start_prealloc },
    { .settle = settle_overlays,
      .due = DUE_OVERLAYS,
      .in_child = begin_overlays_in_child,
      .sandbox = withdraw_overlays,
      .end = end_spill },
};

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
}

/* Another thread may leave more after settle has found nothing and before the bit is cleared. So
 * settle is asked again then. */
static void settle(const struct capability *c)
{
    if (c->settle())
        return;
    due_clear(c->due);
    if (c->settle())
        due_set(c->due);
}

void capabilities_settle(void)
{
    unsigned due = due_now();
    for (unsigned n = COUNT; due && n--;)
        if (capabilities[n].settle && due >> capabilities[n].due & 1) {
            due &= ~(1U << capabilities[n].due);
            settle(&capabilities[n]);
        }
}

void capabilities_enter_sandbox(void)
{
    log_line(EVENT_sandboxed,
             "the program sandboxes itself: everything passes through from here on");
    for (unsigned n = COUNT; n--;)
        if (capabilities[n].sandbox)
            capabilities[n].sandbox();
}

void capabilities_end(void)
{
    for (unsigned n = COUNT; n--;)
        if (capabilities[n].end)
            capabilities[n].end();
}
