/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * gate: what every call passes on its way in and out of the model.
 */
#define _GNU_SOURCE
#include "entry/gate.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "common/error.h"
#include "common/libc.h"
#include "disk/family.h"
#include "disk/overlays.h"
#include "disk/parked.h"
#include "disk/spill.h"
#include "disk/zeros.h"
#include "entry/capabilities.h"
#include "herd/guards.h"
#include "herd/retention.h"
#include "kernel/brief.h"
#include "kernel/lock.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "space/count.h"
#include "space/model.h"
#include "space/regions.h"
#include "tell/status.h"

#define GUARD_MARK 0x6d /* what a wiped page does not hold */

static bool live;
static bool helpless; /* stays so, whatever else closes the gate later */
static bool over;     /* the destructor has run: nothing more is done around a fork */
static long process;  /* whose memory this is */
static unsigned char *guard_page;

/* What the thread has taken that forks. No lock is held, and nothing is here, for a thread that
 * forks in a sandbox: its filter may kill for any system call, so none is made. */
static struct {
    int owner;      /* the thread's id; 0: none */
    bool announced; /* the fork, to the family */
    /* What was taken. False where a handler forks that has interrupted the library: the lock is
     * that of the call below. */
    bool scan, retained, overlays, model;
    uint64_t mask; /* the signals that were blocked: no handler runs, and jumps out, from then on */
    int error;     /* errno before the fork */
} forking;

/* The two below are rare. They stand apart, so that gate_take saves few registers. */

/* Waits while another thread switches pages of the range. Model lock held, after true only. */
static bool __attribute__((noinline)) wait_for_claims(uintptr_t start, uintptr_t end)
{
    while (overlays_claimed(start, end)) {
        model_drop();
        if (!overlays_wait() || !model_take())
            return false;
    }
    return true;
}

static bool __attribute__((noinline)) note_unseen(uintptr_t start, uintptr_t end)
{
    STATUS_ADD(unseen, 1);
    model_unseen(start, end);
    return false;
}

/* The model lock, for a call about this range; false in a handler that interrupted its owner. */
bool gate_take(uintptr_t start, uintptr_t end)
{
    if (!model_take())
        return note_unseen(start, end);
    return !overlays_any() || wait_for_claims(start, end);
}

/* In the child, whose only thread this is. */
static void begin_as_child(bool announced)
{
    process = sys_getpid();
    family_arrived(announced);
    capabilities_begin_in_child();
    if (guard_page)
        *guard_page = GUARD_MARK;
}

/* Model lock held: what the kernel did not give the child, and what threads were changing that are
 * not here to end it. */
static void forget_what_was_not_forked(void)
{
    for (struct region *r = regions_from(0), *next; r; r = next) {
        next = r->after;
        if (r->kind & REGION_DONTFORK)
            regions_forget(r->start, r->end);
        else if (r->kind & REGION_CHANGING)
            regions_change(r->start, r->end, REGION_CHANGING, REGION_FOREIGN);
    }
}

static void forked_unseen(void)
{
    bool left = model_left_taken();
    brief_forked_unseen();
    begin_as_child(false);
    if (left) { /* the thread that was changing the model may not be in this process */
        guards_abandon();
        gate_close(MAPHERD_FORKED);
    } else if (model_take()) {
        forget_what_was_not_forked();
        model_drop();
        if (overlays_take()) {
            zeros_forked();
            overlays_drop();
        }
    }
}

bool gate_helpless(void)
{
    return __atomic_load_n(&helpless, __ATOMIC_RELAXED);
}

/* The page first: a child that was forked past libc into another PID namespace may have its
 * parent's number, and has less than its parent's memory. */
bool gate_is_ours(void)
{
    return (!guard_page || *guard_page == GUARD_MARK) && sys_getpid() == process;
}

/* glibc's, or that of musl. NULL while the loader has not relocated this library; it relocates libc
 * before it. */
static int (*const volatile register_atfork)(void (*)(void), void (*)(void), void (*)(void),
                                             void *) = __register_atfork;
static int (*const volatile musl_atfork)(void (*)(void), void (*)(void),
                                         void (*)(void)) = pthread_atfork;
static int registered;  /* glibc wants an address in this library, too */
static bool sees_forks; /* by their system call */

static void before_fork(void)
{
    if (!sees_forks)
        gate_before_fork();
}

static void after_fork_in_parent(void)
{
    if (!sees_forks)
        gate_after_fork_in_parent();
}

static void after_fork_in_child(void)
{
    if (!sees_forks)
        gate_after_fork_in_child();
}

bool gate_at_fork(void)
{
    if (__atomic_exchange_n(&registered, 1, __ATOMIC_RELAXED))
        return true;
    int error = ENOSYS;
    if (register_atfork)
        error =
            register_atfork(before_fork, after_fork_in_parent, after_fork_in_child, &registered);
    else if (musl_atfork)
        error = musl_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    if (error)
        __atomic_store_n(&registered, 0, __ATOMIC_RELAXED);
    return error == 0;
}

void gate_early(void)
{
    if (register_atfork || musl_atfork)
        gate_at_fork();
}

/* A handler of another library may run in the child before ours, which does no harm then. */
static void forked(void)
{
    int error = error_get();
    if (forking.owner && forking.owner == lock_thread())
        gate_after_fork_in_child();
    else
        forked_unseen();
    error_set(error);
}

/* The gate of every hook: false means plain pass-through. */
bool gate_open(void)
{
    if (!__atomic_load_n(&live, __ATOMIC_ACQUIRE))
        return false;
    if (guard_page && *guard_page != GUARD_MARK)
        forked();
    return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

void gate_start(uint32_t state, unsigned char *guard)
{
    guard_page = guard;
    process = sys_getpid();
    if (guard)
        *guard = GUARD_MARK;
    STATUS_SET(magic, MAPHERD_STATUS_MAGIC);
    STATUS_SET(state, state);
    __atomic_store_n(&live, true, __ATOMIC_RELEASE);
}

void gate_close(uint32_t reason)
{
    __atomic_store_n(&live, false, __ATOMIC_RELEASE);
    if (reason == MAPHERD_SANDBOXED || reason == MAPHERD_FORKED || reason == MAPHERD_MISTAKEN)
        __atomic_store_n(&helpless, true, __ATOMIC_RELAXED);
    if (reason == MAPHERD_EXITING)
        __atomic_store_n(&over, true, __ATOMIC_RELAXED);
    STATUS_SET(magic, MAPHERD_STATUS_MAGIC);
    STATUS_SET(reason, reason);
    STATUS_SET(state, MAPHERD_PASSIVE);
}

void gate_before_fork(void)
{
    int error = error_get();
    /* Before the constructor, where the program was not chosen, and after the destructor, when libc
     * has the handlers still. */
    if (!process || __atomic_load_n(&over, __ATOMIC_RELAXED))
        return;
    gate_open(); /* notices that this is a child of a fork that ran no handlers */
    if (gate_helpless()) {
        family_before_hidden_fork();
        return;
    }
    uint64_t mask = sys_block_signals();
    bool announced = family_before_fork();
    bool scan = count_before_fork(), retained = retained_enter(), taken_overlays = overlays_take(),
         model = model_take();
    forking.owner = lock_thread();
    forking.announced = announced;
    forking.scan = scan;
    forking.retained = retained;
    forking.overlays = taken_overlays;
    forking.model = model;
    forking.mask = mask;
    forking.error = error;
    if (model)
        parked_retire();
    cold_before_fork();
    brief_before_fork();
    error_set(0);
}

/* The handlers of pthread_atfork are not told whether the fork has failed. errno tells it: fork
 * sets it before it calls them (glibc: posix/fork.c; musl: src/process/fork.c). Another library's
 * handler may have set it to something else meanwhile. */
static bool has_failed(int error)
{
    return error == EAGAIN || error == ENOMEM;
}

static void end_in_parent(bool failed)
{
    int error = error_get(), before = forking.error;
    if (!forking.owner || forking.owner != lock_thread())
        return;
    forking.owner = 0;
    brief_after_fork_in_parent();
    cold_fork_ended();
    if (failed)
        family_not_forked(forking.announced);
    bool scan = forking.scan, retained = forking.retained, took_overlays = forking.overlays;
    uint64_t mask = forking.mask;
    if (forking.model)
        model_drop();
    if (took_overlays) {
        spill_forked(false);
        overlays_drop();
    }
    retained_leave(retained);
    count_after_fork(scan);
    sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    error_set(error ? error : before);
}

void gate_after_fork_in_parent(void)
{
    end_in_parent(has_failed(error_get()));
}

void gate_after_fork_in_child(void)
{
    if (!forking.owner || forking.owner != lock_thread())
        return;
    forking.owner = 0;
    brief_after_fork_in_child();
    begin_as_child(forking.announced);
    cold_fork_ended();
    if (forking.model) {
        forget_what_was_not_forked();
        model_drop();
        zeros_forked();
    }
    if (forking.overlays)
        overlays_drop();
    retained_leave(forking.retained);
    count_after_fork(forking.scan);
    /* The handler that has forked interrupted a change, which ends in the child too. */
    if (!forking.model) {
        guards_abandon();
        gate_close(MAPHERD_FORKED);
    }
    sys_sigprocmask(SIG_SETMASK, &forking.mask, NULL);
    error_set(forking.error);
}

void gate_forks_by_call(void)
{
    sees_forks = true;
}

bool gate_sees_forks(void)
{
    return sees_forks;
}

/* _Fork may be called in a handler that has interrupted malloc. A thread that is in fork then has
 * the locks of the library, and waits for the one of malloc, if the handlers have taken them. So
 * this waits for no such thread without end. One that has taken them at its system call waits for
 * nothing: its locks are waited for. */
bool gate_begin_fork(void)
{
    enum { LOOKS = 2000 }; /* milliseconds */
    for (unsigned n = 0; __atomic_load_n(&forking.owner, __ATOMIC_RELAXED); n++) {
        if (forking.owner == lock_thread() || n == LOOKS)
            return false;
        if (sees_forks)
            break;
        sys_nap(1);
    }
    gate_before_fork();
    return true;
}

void gate_end_fork(bool begun, long child)
{
    if (begun && child == 0)
        gate_after_fork_in_child();
    else if (begun)
        end_in_parent(child < 0);
}
