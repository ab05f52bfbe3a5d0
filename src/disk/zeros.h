/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * zeros: where a file was truncated under its mapping, the mapping reads as zeros. For users that
 * ask for it (MAPHERD_SIGBUS=convert).
 *
 * The file's own mapping comes back as soon as the file has that part again. The kernel tells
 * (disk/watch.h): a SIGBUS arrives before the call that makes the file longer returns. Other
 * threads of the process may see zeros for a moment longer. Where the kernel cannot tell, no zeros
 * are given.
 *
 * What the program stores to zeros is lost. msync of them fails with EIO, the log says when they go
 * how many bytes were lost, and a process that was given zeros does not end with status 0.
 *
 * All functions are async-signal-safe.
 */
#ifndef MAPHERD_ZEROS_H
#define MAPHERD_ZEROS_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/overlays.h"

/* Lays zeros over the page, and over all that follows it in its mapping. Returns 0; -EAGAIN if the
 * instruction is to be tried again; any other -errno if nothing has changed. Overlay lock held;
 * takes the model lock. */
long zeros_lay(const struct fault_page *p);

/* Puts files back that have again what zeros lie over. Takes the overlay lock; makes no system call
 * where there is no overlay. */
void zeros_settle(void);

/* Does what zeros_settle does, with the overlay lock held by the caller. */
void zeros_look(void);

/* Returns EIO if the range has zeros that the program may store to, else 0. What it stored there is
 * lost, and no fault tells. Takes the model lock. */
int zeros_error(uintptr_t start, uintptr_t end);

/* Puts all files back in a forked child, which has one thread: the kernel tells only the parent
 * when they change. Pages that they lack fault again. */
void zeros_forked(void);

/* Puts all files back and stops the signals, for a process whose SIGBUS cannot be handled any more.
 * Pages that they lack fault as they do without mapherd. Takes the overlay lock. */
void zeros_withdraw(void);

/* The process is about to end with this status. Returns the status that it is to end with, and logs
 * once what was lost. Takes the overlay lock. */
int zeros_end(int status);

#endif
