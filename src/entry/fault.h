/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fault: what is done about a SIGBUS that a store or a load has raised.
 *
 * signals.c calls these functions in the handler of SIGBUS, on the stack that the program gave it.
 * They use 300 bytes of that stack, and do their work on a stack of the library's own
 * (kernel/aside.h), under the overlay lock, which they take. Both are async-signal-safe. errno
 * stays as it was.
 */
#ifndef MAPHERD_FAULT_H
#define MAPHERD_FAULT_H

#include <signal.h>
#include <stdbool.h>

/* What happens where the fault is not mended. */
enum fault_owner {
    OWNER_NOBODY,  /* the program has no handler (SIG_DFL, SIG_IGN): the kernel kills it */
    OWNER_BLOCKED, /* the program blocks SIGBUS: the kernel kills it for a fault then */
    OWNER_PROGRAM, /* the program's handler is called */
    OWNER_JVM,     /* HotSpot's handler is called */
};

/*
 * A fault: info->si_code is BUS_ADRERR or BUS_MCEERR_*; context is the handler's third argument.
 * True: it is mended, or may be; the handler returns, and the CPU tries the instruction again.
 * False: the handler does as the kernel would without the library, as the log says.
 */
bool fault_mended(const siginfo_t *info, const void *context, enum fault_owner owner);

/*
 * A SIGBUS that was sent. True if the kernel tells by it that a file has changed of which a part
 * reads as zeros (disk/watch.h): then that is dealt with, and the program does not get the signal.
 */
bool fault_file_changed(const siginfo_t *info, const void *context);

#endif
