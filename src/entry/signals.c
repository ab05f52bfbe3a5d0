/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * signals: see signals.h.
 *
 * Rules: SIG_DFL and SIG_IGN are values and are never called. The frames of the handler are small,
 * because they lie on the program's stack, which may be an alternate one of a few KiB. SIGBUS is
 * not blocked while the library's own code runs, because a fault in it would end the process. It is
 * blocked while the program's handler runs.
 */
#define _GNU_SOURCE
#include "entry/signals.h"

#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "entry/disposition.h"
#include "entry/fault.h"
#include "entry/gate.h"
#include "kernel/procmaps.h"
#include "limit/cold.h"
#include "space/count.h"

#define DFL ((uintptr_t)SIG_DFL)
#define IGN ((uintptr_t)SIG_IGN)
#define RESETHAND ((unsigned long)(unsigned)SA_RESETHAND)
#define RESTORER 0x04000000UL /* arch/x86/include/uapi/asm/signal.h */

static bool on;
static unsigned long known_flags; /* the flags that this kernel keeps */
static uintptr_t libc_restorer;   /* part of the actions that libc gives to the kernel */
static bool keeps_restorer;       /* libc's sigaction does not write it: musl's */

static void on_sigbus(int sig, siginfo_t *info, void *context);

bool signals_on(void)
{
    return __atomic_load_n(&on, __ATOMIC_RELAXED);
}

bool signals_ours(const struct sys_action *action)
{
    return action->handler == (uintptr_t)on_sigbus;
}

static bool is_function(uintptr_t handler)
{
    return handler != DFL && handler != IGN;
}

/* ---- the handler that HotSpot installs ---- */

/*
 * It makes an InternalError of a fault in a mapped buffer. That error comes several stores after
 * the access, so that these are lost unnoticed. Any other fault ends the JVM (JDK:
 * PosixSignals::pd_hotspot_signal_handler).
 *
 * No function here waits. If the buffer is in use, by another thread or below a signal handler, the
 * handler counts as the program's. HotSpot installs its own at its start, when no other thread
 * does.
 */
static uintptr_t owned; /* HotSpot's handler; 0: not seen yet */

/* The last handlers that were found to lie elsewhere. */
#define OTHERS 16
static uintptr_t others[OTHERS];
static unsigned next_other;

static char buffer[8192];
static bool buffer_used;

struct search {
    uintptr_t address;
    bool found; /* it lies in libjvm.so */
};

static bool look_for_jvm(const struct procmap *m, void *context)
{
    static const char wanted[] = "/libjvm.so";
    struct search *s = context;
    size_t len = sizeof wanted - 1;
    if (m->end <= s->address)
        return true;
    if (m->start <= s->address && m->path_len >= len &&
        memcmp(m->path + m->path_len - len, wanted, len) == 0)
        s->found = true;
    return false;
}

static bool is_known(uintptr_t handler)
{
    if (__atomic_load_n(&owned, __ATOMIC_ACQUIRE))
        return true;
    for (unsigned i = 0; i < OTHERS; i++)
        if (__atomic_load_n(&others[i], __ATOMIC_RELAXED) == handler)
            return true;
    return false;
}

/* The program is about to install this handler. Scans /proc/self/maps once for each handler, to see
 * whether it lies in libjvm.so. */
static void notice(uintptr_t handler)
{
    if (is_known(handler) || __atomic_exchange_n(&buffer_used, true, __ATOMIC_ACQUIRE))
        return;
    struct search s = { .address = handler };
    procmaps_scan(PROCMAPS_SELF, buffer, sizeof buffer, look_for_jvm, &s);
    if (s.found) {
        __atomic_store_n(&owned, handler, __ATOMIC_RELEASE);
        count_note_jvm();
    } else {
        unsigned n = __atomic_fetch_add(&next_other, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&others[n % OTHERS], handler, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&buffer_used, false, __ATOMIC_RELEASE);
}

/* Whether the handler is the first one that HotSpot installed; a later one is for its crash
 * report. */
static bool is_hotspot(uintptr_t handler)
{
    return __atomic_load_n(&owned, __ATOMIC_ACQUIRE) == handler;
}

/* ---- the action ---- */

struct sys_action signals_from_libc(const struct sigaction *act)
{
    struct sys_action action = {
        .handler = (uintptr_t)act->sa_handler,
        .flags = (unsigned)act->sa_flags,
    };
    memcpy(&action.mask, &act->sa_mask, sizeof action.mask);
    if (libc_restorer) {
        action.flags |= RESTORER;
        action.restorer = libc_restorer;
    }
    return action;
}

void signals_to_libc(const struct sys_action *action, struct sigaction *out)
{
    out->sa_handler = (void (*)(int))action->handler;
    out->sa_flags = (int)action->flags;
    memcpy(&out->sa_mask, &action->mask, sizeof action->mask);
    if (!keeps_restorer)
        out->sa_restorer = (void (*)(void))action->restorer;
}

/* The action as the kernel would keep it (kernel/signal.c, do_sigaction). */
static struct sys_action as_kept(const struct sys_action *wanted)
{
    struct sys_action kept = *wanted;
    kept.flags &= known_flags;
    kept.mask &= ~(SYS_SIGNAL_BIT(SIGKILL) | SYS_SIGNAL_BIT(SIGSTOP));
    return kept;
}

/*
 * The action that the kernel has for the program's. The kernel itself switches the stack, restarts
 * calls and computes the mask. A fault during the handler must reach the library (SA_NODEFER). The
 * handler must still be there for the next signal (no SA_RESETHAND). The mask must show whether
 * SIGBUS was blocked (neither SIGBUS nor its shadow is in sa_mask).
 */
static struct sys_action in_kernel(const struct sys_action *view)
{
    struct sys_action action = {
        .handler = (uintptr_t)on_sigbus,
        .flags = SA_ONSTACK | SA_RESTART | SA_SIGINFO | SA_NODEFER,
    };
    if (is_function(view->handler)) {
        action.flags = (view->flags & ~(RESETHAND | RESTORER)) | SA_SIGINFO | SA_NODEFER;
        action.mask = view->mask & ~(SHADOW_BUS | (shadow_given_up() ? 0 : SHADOW));
    }
    return action;
}

/* Gives the kernel the action for the program's view, and again if another thread has changed
 * the view meanwhile. */
static long install(struct sys_action *before)
{
    struct sys_action view;
    uint64_t mark;
    do {
        mark = disposition_read(&view);
        struct sys_action action = in_kernel(&view);
        long r = sys_sigaction(SIGBUS, &action, before);
        if (r < 0)
            return r;
        before = NULL;
    } while (!disposition_is(mark));
    return 0;
}

/*
 * A program that is executed is to inherit an ignored SIGBUS, but the kernel has the library's
 * handler for it, which exec resets. So the action of the shadow passes it on (signals_start), as
 * its bit in the mask does for a blocked SIGBUS.
 */
static void hand_down(uintptr_t was, uintptr_t handler)
{
    struct sys_action now, wanted = { .handler = handler == IGN ? IGN : DFL };
    if (!shadow_given_up() && (was == IGN) != (handler == IGN) &&
        sys_sigaction(SIGSTKFLT, NULL, &now) == 0 && !is_function(now.handler))
        sys_sigaction(SIGSTKFLT, &wanted, NULL);
}

/* Returns the action that was in force before. */
static struct sys_action change_view(const struct sys_action *wanted)
{
    struct sys_action was;
    if (is_function(wanted->handler))
        notice(wanted->handler);
    while (!disposition_change(disposition_read(&was), wanted))
        ;
    hand_down(was.handler, wanted->handler);
    return was;
}

/* A vfork child has actions of its own in the kernel, and its parent's memory. */
static bool in_vfork_child(void)
{
    gate_open(); /* notices a fork that ran no handlers */
    return !gate_is_ours();
}

/* Where the kernel has another handler than the library's, it was set by a call that no hook
 * saw: that is the program's action then. */
long signals_action(const struct sys_action *wanted, struct sys_action *before)
{
    struct sys_action was, in_force;
    long r;
    if (!wanted || in_vfork_child()) {
        disposition_read(&was);
        r = sys_sigaction(SIGBUS, wanted, &in_force);
        if (wanted)
            hand_down(was.handler, wanted->handler);
    } else {
        struct sys_action kept = as_kept(wanted);
        was = change_view(&kept);
        r = install(&in_force);
    }
    if (r == 0 && before)
        *before = signals_ours(&in_force) ? was : in_force;
    return r;
}

void signals_leave_shadow(void)
{
    if (!signals_on() || shadow_given_up() || in_vfork_child())
        return;
    shadow_give_up();
    install(NULL); /* now sa_mask has SIGSTKFLT where the program wants it there */
}

void signals_expose(void)
{
    struct sys_action view;
    disposition_read(&view);
    sys_sigaction(SIGBUS, &view, NULL);
}

void signals_adopt(void)
{
    struct sys_action found;
    if (sys_sigaction(SIGBUS, NULL, &found) < 0)
        return;
    if (!signals_ours(&found))
        change_view(&found);
    install(NULL);
}

/* ---- the handler ---- */

static void block_really(void)
{
    uint64_t bus = SHADOW_BUS;
    sys_sigprocmask(SIG_BLOCK, &bus, NULL);
}

/* The mask in the signal's frame, which the kernel restores. It has eight bytes, though libc's
 * type has more. */
static uint64_t *saved_mask(void *context)
{
    return (uint64_t *)&((ucontext_t *)context)->uc_sigmask;
}

/*
 * Calls the program's handler as the kernel would. SIGBUS itself is blocked during the handler, so
 * that both a return and siglongjmp restore the mask without the library. False: the program has no
 * handler (any more).
 */
static bool hand_on(siginfo_t *info, void *context)
{
    struct sys_action view, reset;
    uint64_t mark;
    do {
        mark = disposition_read(&view);
        if (!is_function(view.handler))
            return false;
        reset = view;
        reset.handler = DFL;
    } while ((view.flags & RESETHAND) && !disposition_change(mark, &reset));

    if (!(view.flags & SA_NODEFER) || (view.mask & SHADOW_BUS))
        block_really();
    uint64_t *mask = saved_mask(context);
    uint64_t kernels = *mask, seen = shadow_seen(kernels);
    *mask = seen;
    /* One argument or three: the kernel passes three. */
    ((void (*)(int, siginfo_t *, void *))view.handler)(SIGBUS, info, context);
    *mask = *mask == seen ? kernels : shadow_block(*mask);
    return true;
}

/*
 * Sends a signal that was sent once more, to the same thread or to the process. A signal of
 * pthread_sigqueue cannot be told from one of sigqueue, and goes to the process. The kernel lets a
 * thread send a siginfo of kill() only to its own thread id (kernel/signal.c, do_rt_sigqueueinfo);
 * the whole process gets it.
 */
static void queue_again(const siginfo_t *info, bool to_thread)
{
    if (to_thread || info->si_code == SI_TKILL)
        sys_tgsigqueueinfo(sys_getpid(), sys_gettid(), SIGBUS, info);
    else
        sys_sigqueueinfo(sys_gettid(), SIGBUS, info);
}

/*
 * Lets the kernel end the process. The signal is sent once more, and is delivered when the
 * handler's frame is left. So the kernel finds the registers, the stack and the siginfo as it would
 * without the library, also where the instruction would not fault again. A signal that is sent does
 * not end the first process of a PID namespace: there nothing is done.
 */
static void end_process(const siginfo_t *info, void *context)
{
    struct sys_action plain = { .handler = DFL };
    if (info->si_code <= 0 && sys_getpid() == 1)
        return;
    sys_sigaction(SIGBUS, &plain, NULL);
    block_really();
    queue_again(info, true);
    *saved_mask(context) &= ~SHADOW_BUS;
}

/*
 * Whether the program has SIGBUS blocked, so that the signal which was sent has to wait. The
 * present mask tells; during sigsuspend or ppoll it is the mask of that call. Where the mask to
 * return to has SIGBUS itself blocked, that call has let the signal through on purpose.
 */
static bool is_held_back(void *context)
{
    uint64_t now = 0;
    sys_sigprocmask(SIG_BLOCK, NULL, &now);
    return !shadow_given_up() && (now & SHADOW) && !(*saved_mask(context) & SHADOW_BUS);
}

static void meet_sent(siginfo_t *info, void *context)
{
    struct sys_action view;
    if (is_held_back(context)) {
        /*
         * The signal stays pending until the program unblocks it or waits for it, or another thread
         * takes it. It is blocked before it is sent: otherwise it would be delivered here again at
         * once. Where the mask to return to has no shadow, only a call that waits with a mask of
         * its own (sigcalls_waiting_mask) has blocked it: that call ends by it, and the program
         * gets it then.
         */
        block_really();
        queue_again(info, false);
        if (*saved_mask(context) & SHADOW)
            *saved_mask(context) |= SHADOW_BUS;
        return;
    }
    if (hand_on(info, context))
        return;
    disposition_read(&view);
    if (view.handler != IGN)
        end_process(info, context);
}

/* A fault while the program blocks SIGBUS comes here too. Without the library, the kernel ends
 * the process. */
static enum fault_owner owner_of_fault(void *context)
{
    struct sys_action view;
    if (shadow_seen(*saved_mask(context)) & SHADOW_BUS)
        return OWNER_BLOCKED;
    disposition_read(&view);
    if (!is_function(view.handler))
        return OWNER_NOBODY;
    return is_hotspot(view.handler) ? OWNER_JVM : OWNER_PROGRAM;
}

static void meet_fault(siginfo_t *info, void *context)
{
    int code = info->si_code;
    gate_open(); /* notices a fork that ran no handlers */
    if (code == BUS_ADRERR && cold_fault((uintptr_t)info->si_addr))
        return;
    enum fault_owner owner = owner_of_fault(context);
    bool of_memory = code == BUS_ADRERR || code == BUS_MCEERR_AR || code == BUS_MCEERR_AO;
    if (of_memory && fault_mended(info, context, owner))
        return;
    if (owner < OWNER_PROGRAM || !hand_on(info, context))
        end_process(info, context);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    if (info->si_code > 0)
        meet_fault(info, context);
    else if (!fault_file_changed(info, context))
        meet_sent(info, context);
}

/* ---- the start ---- */

/* Looks which restorer libc puts into an action, and whether it tells of that. */
static void learn_restorer(signals_sigaction *libc_sigaction)
{
    struct sigaction plain = { .sa_handler = SIG_DFL }, told = { .sa_handler = SIG_DFL };
    struct sys_action found;
    keeps_restorer = true;
    if (libc_sigaction(SIGBUS, &plain, NULL) < 0 || sys_sigaction(SIGBUS, NULL, &found) < 0 ||
        !(found.flags & RESTORER))
        return;
    libc_restorer = found.restorer;
    keeps_restorer = libc_sigaction(SIGBUS, NULL, &told) < 0 || !told.sa_restorer;
}

/* Asks the kernel which flags it keeps. */
static bool learn(signals_sigaction *libc_sigaction)
{
    struct sys_action all = { .handler = (uintptr_t)on_sigbus, .flags = 0xffffffffUL }, found;
    all.flags &= ~RESTORER;
    if (sys_sigaction(SIGBUS, &all, NULL) < 0 || sys_sigaction(SIGBUS, NULL, &found) < 0)
        return false;
    known_flags = found.flags;
    if (libc_sigaction)
        learn_restorer(libc_sigaction);
    return true;
}

void signals_start(bool wanted, signals_sigaction *libc_sigaction)
{
    struct sys_action before, handed_down;
    uint64_t mask;
    if (!wanted || sys_sigaction(SIGBUS, NULL, &before) < 0)
        return;
    if (!learn(libc_sigaction)) {
        sys_sigaction(SIGBUS, &before, NULL);
        return;
    }
    if (before.handler == DFL && sys_sigaction(SIGSTKFLT, NULL, &handed_down) == 0)
        before.handler = handed_down.handler == IGN ? IGN : DFL;
    change_view(&before);
    install(NULL);
    __atomic_store_n(&on, true, __ATOMIC_RELEASE);
    if (sys_sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && (mask & SHADOW_BUS)) {
        mask = shadow_block(mask);
        sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    }
}

/* Other threads that block SIGBUS keep the shadow blocked in its place: SIGBUS itself is not
 * blocked there. */
void signals_stop(void)
{
    uint64_t mask;
    if (!__atomic_exchange_n(&on, false, __ATOMIC_ACQ_REL))
        return;
    signals_expose();
    if (sys_sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && (mask & SHADOW) && !shadow_given_up()) {
        mask = shadow_seen(mask);
        sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    }
}
