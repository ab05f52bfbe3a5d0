/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sigcalls: libc's functions for signal actions and masks, with the program's view of SIGBUS.
 *
 * Each function does what libc's of the same name does, with the same result and errno. For SIGBUS
 * it changes the program's view (signals.h, disposition.h); for other signals it goes on to the
 * next function in the chain of libraries; before the constructor it makes the kernel's own calls.
 * The functions take no lock and are thread- and async-signal-safe as far as libc's are.
 */
#ifndef MAPHERD_SIGCALLS_H
#define MAPHERD_SIGCALLS_H

#include <signal.h>

/* Looks up the next functions in the chain. For the constructor. */
void sigcalls_resolve(void);

/* Returns libc's own sigaction, whatever other libraries are in the chain; NULL if it is not
 * found. */
int (*sigcalls_libc(void))(int, const struct sigaction *, struct sigaction *);

typedef void sigcalls_handler(int sig);

int sigcalls_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
sigcalls_handler *sigcalls_signal(int sig, sigcalls_handler *handler);
sigcalls_handler *sigcalls_sysv_signal(int sig, sigcalls_handler *handler);
sigcalls_handler *sigcalls_sigset(int sig, sigcalls_handler *handler);
int sigcalls_sigignore(int sig);
int sigcalls_siginterrupt(int sig, int interrupt);
int sigcalls_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int sigcalls_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int sigcalls_sighold(int sig);
int sigcalls_sigrelse(int sig);
int sigcalls_sigblock(int mask);
int sigcalls_sigsetmask(int mask);
int sigcalls_sigsuspend(const sigset_t *mask);

/*
 * The mask that a call which waits with a mask of its own (sigsuspend, ppoll) has to give to the
 * kernel: this one, or *instead, in which the shadow stands for SIGBUS. A handler of another signal
 * that runs meanwhile may access a mapping that is cold, and a fault while SIGBUS itself is blocked
 * ends the process. The mask stays as it is where no mapping may become cold: a SIGBUS that is sent
 * would end the wait, which it does not alone. Like the mask, the answer may be NULL.
 */
const sigset_t *sigcalls_waiting_mask(const sigset_t *mask, sigset_t *instead);

#endif
