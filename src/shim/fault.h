/*
 * fault: what is done about a SIGBUS that a store or a load raised.
 *
 * Called by signals.c in the handler, on whatever stack the program gave it: little of that may
 * be used. Async-signal-safe; errno is kept.
 */
#ifndef MAPHERD_FAULT_H
#define MAPHERD_FAULT_H

#include <signal.h>
#include <stdbool.h>

/* Who has a handler: nobody (SIG_DFL, SIG_IGN); the program; HotSpot, whose
 * JVM_handle_linux_signal can be asked. */
enum fault_owner { OWNER_NOBODY, OWNER_PROGRAM, OWNER_JVM };

/* NOT_OURS: do as without the library. MENDED: return, the instruction is tried again. ASK_JVM:
 * of OWNER_JVM alone; ask it, and then fault_meet_again. */
enum fault_answer { FAULT_NOT_OURS, FAULT_MENDED, FAULT_ASK_JVM };

/* info->si_code is BUS_ADRERR or BUS_MCEERR_*. */
enum fault_answer fault_meet(const siginfo_t *info, void *context, enum fault_owner owner);

/* HotSpot took it, and then the answer is of no account; or declined. */
enum fault_answer fault_meet_again(const siginfo_t *info, void *context, bool handled);

#endif
