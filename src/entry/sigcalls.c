/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sigcalls: see sigcalls.h.
 *
 * All functions are made of two, one that sets an action and one that changes the mask. The flags,
 * errors and results of the older functions are those of glibc (signal/ and sysdeps/posix/).
 */
#define _GNU_SOURCE
#include "entry/sigcalls.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/error.h"
#include "common/linked.h"
#include "entry/disposition.h"
#include "entry/signals.h"
#include "limit/cold.h"

#define INTERRUPTED 0x20000000 /* SA_INTERRUPT, which the kernel ignores */

/* The next functions in the chain of libraries. */
static struct {
    signals_sigaction *sigaction;
    sigcalls_handler *(*signal)(int, sigcalls_handler *);
    sigcalls_handler *(*sysv_signal)(int, sigcalls_handler *);
    sigcalls_handler *(*sigset)(int, sigcalls_handler *);
    int (*sigignore)(int);
    int (*siginterrupt)(int, int);
    int (*sigprocmask)(int, const sigset_t *, sigset_t *);
    int (*pthread_sigmask)(int, const sigset_t *, sigset_t *);
    int (*sighold)(int);
    int (*sigrelse)(int);
    int (*sigsuspend)(const sigset_t *);
} next;
static bool of_musl;    /* libc is musl */
static bool chained;    /* next.sigaction is another library's, libjsig's for instance */
static bool interrupts; /* siginterrupt(SIGBUS, 1): signal() asks for no SA_RESTART then */

signals_sigaction *sigcalls_libc(void)
{
    signals_sigaction *found;
    *(void **)&found = linked_libc("sigaction");
    return found;
}

static const struct linked_name names[] = {
    LINKED_MEMBER(next, sigaction),   LINKED_MEMBER(next, signal),
    LINKED_MEMBER(next, sysv_signal), LINKED_MEMBER(next, sigset),
    LINKED_MEMBER(next, sigignore),   LINKED_MEMBER(next, siginterrupt),
    LINKED_MEMBER(next, sigprocmask), LINKED_MEMBER(next, pthread_sigmask),
    LINKED_MEMBER(next, sighold),     LINKED_MEMBER(next, sigrelse),
    LINKED_MEMBER(next, sigsuspend),
};

void sigcalls_resolve(void)
{
    LINKED_NEXT_ALL(names);
    of_musl = linked_libc("sigaction") && !linked_libc("gnu_get_libc_version");
    chained = next.sigaction && next.sigaction != sigcalls_libc();
}

static int fail(long error)
{
    error_set(error);
    return -1;
}

static bool ours(int sig)
{
    return sig == SIGBUS && signals_on();
}

/* ---- sets ---- */

/* The kernel reads and writes eight bytes of libc's sets. */
static uint64_t word(const sigset_t *set)
{
    uint64_t bits;
    memcpy(&bits, set, sizeof bits);
    return bits;
}

static void set_word(sigset_t *set, uint64_t bits)
{
    memcpy(set, &bits, sizeof bits);
}

/*
 * As libc's sigemptyset and sigaddset, which cannot be called while this library is not relocated.
 * False with EINVAL where sig is no signal that a program may use (32 and 33 are glibc's own).
 */
static bool set_one(sigset_t *set, int sig)
{
    *set = (sigset_t){ 0 };
    if (sig < 1 || sig > 64 || sig == 32 || sig == 33) {
        error_set(EINVAL);
        return false;
    }
    set_word(set, SYS_SIGNAL_BIT(sig));
    return true;
}

static bool has(const sigset_t *set, int sig)
{
    return word(set) & SYS_SIGNAL_BIT(sig);
}

/* ---- the action ---- */

static int kernel_action(int sig, const struct sigaction *act, struct sigaction *old, bool virtual)
{
    struct sys_action wanted, before;
    if (act)
        wanted = signals_from_libc(act);
    long r = virtual ? signals_action(act ? &wanted : NULL, &before)
                     : sys_sigaction(sig, act ? &wanted : NULL, &before);
    if (r < 0)
        return fail(-r);
    if (old)
        signals_to_libc(&before, old);
    return 0;
}

/* Another library in the chain handles actions too, and may keep one from the kernel (libjsig).
 * During its call, the kernel has the action that it would have without mapherd. */
static int chained_action(const struct sigaction *act, struct sigaction *old)
{
    if (act)
        signals_expose();
    int r = next.sigaction(SIGBUS, act, old);
    if (act) {
        int kept = error_get();
        signals_adopt();
        error_set(kept);
    } else if (r == 0 && old) {
        struct sys_action found = signals_from_libc(old);
        if (signals_ours(&found))
            return kernel_action(SIGBUS, NULL, old, true);
    }
    return r;
}

static int plain_action(int sig, const struct sigaction *act, struct sigaction *old)
{
    return next.sigaction ? next.sigaction(sig, act, old) : kernel_action(sig, act, old, false);
}

/* A handler during which SIGBUS is blocked may touch what is cold. So the shadow is blocked in its
 * place, as in the mask of a thread. */
static int unblocked_action(int sig, const struct sigaction *act, struct sigaction *old)
{
    struct sigaction other;
    if (act) {
        other = *act;
        set_word(&other.sa_mask, shadow_block(word(&act->sa_mask)));
    }
    int r = plain_action(sig, act ? &other : NULL, old);
    if (r == 0 && old)
        set_word(&old->sa_mask, shadow_seen(word(&old->sa_mask)));
    return r;
}

/* A program with a handler for SIGSTKFLT has a use for that signal (disposition.h). */
static void notice_handler(int sig, sigcalls_handler *handler)
{
    if (sig == SIGSTKFLT && handler != SIG_DFL && handler != SIG_IGN && handler != SIG_ERR &&
        handler != SIG_HOLD)
        signals_leave_shadow();
}

int sigcalls_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    if (act && signals_on()) {
        notice_handler(sig, act->sa_handler);
        if (act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN && sig != SIGBUS &&
            shadow_is_used(word(&act->sa_mask)))
            signals_leave_shadow();
    }
    if (ours(sig))
        return chained ? chained_action(act, old) : kernel_action(sig, act, old, true);
    return cold_may_be() ? unblocked_action(sig, act, old) : plain_action(sig, act, old);
}

/* signal() and sysv_signal() refuse SIG_ERR, sigset() does not. */
static bool refused(sigcalls_handler *handler)
{
    if (handler != SIG_ERR)
        return false;
    error_set(EINVAL);
    return true;
}

static sigcalls_handler *replace(int sig, sigcalls_handler *handler, int flags, bool blocks_itself)
{
    struct sigaction act = { .sa_handler = handler, .sa_flags = flags }, old;
    if (blocks_itself && !set_one(&act.sa_mask, sig))
        return SIG_ERR;
    return sigcalls_sigaction(sig, &act, &old) < 0 ? SIG_ERR : old.sa_handler;
}

sigcalls_handler *sigcalls_signal(int sig, sigcalls_handler *handler)
{
    notice_handler(sig, handler);
    if (next.signal && !ours(sig))
        return next.signal(sig, handler);
    if (of_musl) /* its signal() refuses no handler and blocks no signal (src/signal/signal.c) */
        return replace(sig, handler, SA_RESTART, false);
    if (refused(handler))
        return SIG_ERR;
    return replace(sig, handler, sig == SIGBUS && interrupts ? 0 : SA_RESTART, true);
}

sigcalls_handler *sigcalls_sysv_signal(int sig, sigcalls_handler *handler)
{
    if (of_musl) /* it has __sysv_signal alone, which is its signal() */
        return sigcalls_signal(sig, handler);
    notice_handler(sig, handler);
    if (next.sysv_signal && !ours(sig))
        return next.sysv_signal(sig, handler);
    if (refused(handler))
        return SIG_ERR;
    return replace(sig, handler, (int)SA_RESETHAND | SA_NODEFER | INTERRUPTED, false);
}

/* SIG_HOLD blocks the signal; any other handler unblocks it. Returns SIG_HOLD if the signal was
 * blocked. */
sigcalls_handler *sigcalls_sigset(int sig, sigcalls_handler *handler)
{
    notice_handler(sig, handler);
    if (next.sigset && !ours(sig))
        return next.sigset(sig, handler);
    struct sigaction old;
    sigset_t set, before;
    if (!set_one(&set, sig))
        return SIG_ERR;
    if (handler == SIG_HOLD) {
        if (sigcalls_sigprocmask(SIG_BLOCK, &set, &before) < 0)
            return SIG_ERR;
        if (has(&before, sig))
            return SIG_HOLD;
        return sigcalls_sigaction(sig, NULL, &old) < 0 ? SIG_ERR : old.sa_handler;
    }
    sigcalls_handler *was = replace(sig, handler, 0, false);
    if (was == SIG_ERR || sigcalls_sigprocmask(SIG_UNBLOCK, &set, &before) < 0)
        return SIG_ERR;
    return has(&before, sig) ? SIG_HOLD : was;
}

int sigcalls_sigignore(int sig)
{
    if (next.sigignore && !ours(sig))
        return next.sigignore(sig);
    struct sigaction act = { .sa_handler = SIG_IGN };
    return sigcalls_sigaction(sig, &act, NULL);
}

int sigcalls_siginterrupt(int sig, int interrupt)
{
    if (next.siginterrupt && !ours(sig))
        return next.siginterrupt(sig, interrupt);
    struct sigaction act;
    if (sigcalls_sigaction(sig, NULL, &act) < 0)
        return -1;
    if (interrupt)
        act.sa_flags &= ~SA_RESTART;
    else
        act.sa_flags |= SA_RESTART;
    if (sig == SIGBUS)
        interrupts = interrupt;
    return sigcalls_sigaction(sig, &act, NULL);
}

/* ---- the mask ---- */

/* Returns as pthread_sigmask does: 0 or an error number. A set without SIGBUS and SIGSTKFLT goes
 * on as it is. */
static int change_mask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t instead;
    bool translate = signals_on();
    if (translate && set && how != SIG_UNBLOCK && shadow_is_used(word(set)))
        signals_leave_shadow();
    if (translate && set && (word(set) & (SHADOW_BUS | SHADOW))) {
        instead = (sigset_t){ 0 };
        set_word(&instead,
                 how == SIG_UNBLOCK ? shadow_unblock(word(set)) : shadow_block(word(set)));
        set = &instead;
    }
    int error;
    if (next.pthread_sigmask) {
        error = next.pthread_sigmask(how, set, old);
    } else {
        /* glibc uses two signals itself, and does not let a program block them. */
        uint64_t wanted = set ? word(set) & ~(SYS_SIGNAL_BIT(32) | SYS_SIGNAL_BIT(33)) : 0;
        error = (int)-sys_sigprocmask(how, set ? &wanted : NULL, (uint64_t *)old);
    }
    if (translate && error == 0 && old)
        set_word(old, shadow_seen(word(old)));
    return error;
}

int sigcalls_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return change_mask(how, set, old);
}

int sigcalls_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    if (next.sigprocmask && !signals_on())
        return next.sigprocmask(how, set, old);
    int error = change_mask(how, set, old);
    return error ? fail(error) : 0;
}

static int hold(int how, int sig)
{
    sigset_t set;
    return set_one(&set, sig) ? sigcalls_sigprocmask(how, &set, NULL) : -1;
}

/* Whether the bit of the signal has another meaning in the kernel's mask (disposition.h). */
static bool about_shadow(int sig)
{
    return signals_on() && (sig == SIGBUS || sig == SIGSTKFLT) && !shadow_given_up();
}

int sigcalls_sighold(int sig)
{
    return next.sighold && !about_shadow(sig) ? next.sighold(sig) : hold(SIG_BLOCK, sig);
}

int sigcalls_sigrelse(int sig)
{
    return next.sigrelse && !about_shadow(sig) ? next.sigrelse(sig) : hold(SIG_UNBLOCK, sig);
}

/* The masks of sigblock and sigsetmask have the first 32 signals. */
static int old_mask(int how, int mask)
{
    sigset_t set = { 0 }, before;
    set_word(&set, (unsigned)mask);
    return sigcalls_sigprocmask(how, &set, &before) < 0 ? -1 : (int)(unsigned)word(&before);
}

int sigcalls_sigblock(int mask)
{
    return old_mask(SIG_BLOCK, mask);
}

int sigcalls_sigsetmask(int mask)
{
    return old_mask(SIG_SETMASK, mask);
}

/*
 * Where SIGBUS itself is blocked now, one that was sent is pending. It has to stay so: in the
 * instead SIGBUS is blocked too.
 */
const sigset_t *sigcalls_waiting_mask(const sigset_t *mask, sigset_t *instead)
{
    uint64_t now = 0;
    if (!cold_may_be() || !signals_on() || !mask || !(word(mask) & SHADOW_BUS) ||
        shadow_is_used(word(mask)))
        return mask;
    sys_sigprocmask(SIG_BLOCK, NULL, &now);
    *instead = *mask;
    set_word(instead, shadow_block(word(mask)) | (now & SHADOW_BUS));
    return instead;
}

int sigcalls_sigsuspend(const sigset_t *mask)
{
    sigset_t instead;
    mask = sigcalls_waiting_mask(mask, &instead);
    return next.sigsuspend ? next.sigsuspend(mask) : fail(-sys_sigsuspend(mask));
}
