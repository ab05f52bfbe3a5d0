/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * signals: the program's view of SIGBUS.
 *
 * The kernel has mapherd's handler, with the flags and the mask that the program asked for. The
 * program reads and changes the action that it set itself (disposition.h). Where it blocks SIGBUS,
 * signals that are sent are blocked and faults are not (disposition.h). Its handler is called as
 * the kernel would call it, with the same siginfo, context, mask and stack, and SA_RESETHAND and
 * SA_NODEFER have their effect.
 *
 * A fault goes to fault_mended (fault.h) first. If it is not mended, it ends as it does without the
 * library: in the program's handler, or with the end of the process by SIGBUS and the kernel's own
 * siginfo.
 *
 * No function takes a lock or changes errno. All but signals_start are thread- and
 * async-signal-safe.
 */
#ifndef MAPHERD_SIGNALS_H
#define MAPHERD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "kernel/sys.h"

/*
 * Puts the handler into the kernel. For the constructor, after gate_start. on: false leaves the
 * program's SIGBUS alone. libc_sigaction: libc's own sigaction, not the next in the chain; it may
 * be NULL.
 */
typedef int signals_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
void signals_start(bool on, signals_sigaction *libc_sigaction);

/* The program has a use for SIGSTKFLT: gives the shadow up (disposition.h), and puts SIGBUS itself
 * into the masks of the action. Does nothing in a vfork child. */
void signals_leave_shadow(void);

/*
 * Gives the kernel the program's own action, and the mask that this thread asked for, for good.
 * Called before a seccomp filter that is made for the program's own calls, which those of the
 * handler would not pass.
 */
void signals_stop(void);

/* Whether the handler is in the kernel. False: SIGBUS is a signal like any other. */
bool signals_on(void);

/* rt_sigaction(2) for SIGBUS, as the program sees it. wanted and before may be NULL. Returns 0
 * or -errno. In a vfork child, which has its parent's memory, it is the kernel's own call. */
long signals_action(const struct sys_action *wanted, struct sys_action *before);

/*
 * Around a call of another library in the chain which reads and sets the kernel's action:
 * signals_expose gives the kernel the action that the program asked for; signals_adopt takes over
 * the one that is there then.
 */
void signals_expose(void);
void signals_adopt(void);

/* Whether the action has mapherd's handler, which a program must not see. */
bool signals_ours(const struct sys_action *action);

/* Turns libc's form of an action into the kernel's, and back. */
struct sys_action signals_from_libc(const struct sigaction *act);
void signals_to_libc(const struct sys_action *action, struct sigaction *out);

#endif
