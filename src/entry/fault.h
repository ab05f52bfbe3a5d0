/*
 * fault: what is done about a SIGBUS that a store or a load raised.
 *
 * Called by signals.c in the handler, on whatever stack the program gave it, of which 300 bytes are
 * used: the work is done on a stack of the library's own (kernel/aside.h), under the overlay lock.
 * Async-signal-safe; errno is kept.
 */
#ifndef MAPHERD_FAULT_H
#define MAPHERD_FAULT_H

#include <signal.h>
#include <stdbool.h>

/* Whose turn it is where nothing is mended: nobody's (SIG_DFL, SIG_IGN); nobody's, because the
 * program blocks SIGBUS, and the kernel kills for a fault then; that of the program's handler; that of
 * HotSpot's. */
enum fault_owner { OWNER_NOBODY, OWNER_BLOCKED, OWNER_PROGRAM, OWNER_JVM };

/* info->si_code is BUS_ADRERR or BUS_MCEERR_*. True: return, the instruction is tried again. False:
 * do as without the library, for the log says so. */
bool fault_mended(const siginfo_t *info, const void *context, enum fault_owner owner);

/* A SIGBUS that was sent: true if it is the kernel's word that a file has changed, part of which reads as
 * zeros. Then it is dealt with. */
bool fault_file_changed(const siginfo_t *info, const void *context);

#endif
