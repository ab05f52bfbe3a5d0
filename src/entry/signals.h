/*
 * signals: the program's view of SIGBUS.
 *
 * mapherd's handler is in the kernel, with the flags and the mask that the program asked for. The
 * program reads and changes what it set itself (disposition.h), its blocked SIGBUS is blocked for
 * signals that are sent and not for faults (shadow.h), and its handler is called as the kernel
 * would call it: siginfo, context, mask, stack, SA_RESETHAND, SA_NODEFER.
 *
 * A fault goes to fault_meet (fault.h) first. What is not mended there ends as without the
 * library: in the program's handler, or in death by SIGBUS with the kernel's own siginfo.
 *
 * All of it but signals_start is async-signal-safe, takes no lock and leaves errno alone.
 */
#ifndef MAPHERD_SIGNALS_H
#define MAPHERD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "kernel/sys.h"

/* For the constructor, after gate_start. off: the program's SIGBUS is left alone. libc_sigaction
 * is libc's own, not the next in the chain; may be NULL. */
typedef int signals_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
void signals_start(bool on, signals_sigaction *libc_sigaction);

/* The program has a use for SIGSTKFLT: it is a signal as any other from now on (shadow.h). */
void signals_leave_shadow(void);

/* For good: the kernel gets what the program set, and this thread's mask. Before a filter that was
 * written for the program's own calls, because ours would not pass it. */
void signals_stop(void);

/* False: SIGBUS is a signal like any other. */
bool signals_on(void);

/* rt_sigaction for SIGBUS, as the program sees it: 0 or -errno. In a vfork child, whose memory is
 * its parent's, it is the kernel's own. */
long signals_action(const struct sys_action *wanted, struct sys_action *before);

/* For another library that stands in the chain and wants to see the kernel's action, not ours:
 * between the two, the kernel has what the program asked for. */
void signals_expose(void);
void signals_adopt(void);

/* True if that is mapherd's handler, which a program must not get to see. */
bool signals_ours(const struct sys_action *action);

/* libc's form of an action, and back. */
struct sys_action signals_from_libc(const struct sigaction *act);
void signals_to_libc(const struct sys_action *action, struct sigaction *out);

#endif
