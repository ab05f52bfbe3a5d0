/*
 * zeros: what a truncated file lacks reads as zeros, where the user has asked for it (convert).
 *
 * The file's own map comes back as soon as the file has the part again. The kernel says so (watch.h): a
 * SIGBUS comes before the call that makes the file longer returns. Between the two, other threads of the
 * process may see zeros a moment longer. Where the kernel cannot be asked to say it, none are given.
 *
 * What is stored to zeros is lost: msync of them says EIO, the log says how much it was when they go, and
 * a process that was given any does not end with status 0.
 */
#ifndef MAPHERD_ZEROS_H
#define MAPHERD_ZEROS_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/overlays.h"

/* Lays zeros over the page and all that follows it in the map. -EAGAIN: try the instruction again, the file
 * has the page; other errors: nothing has changed. Overlay lock held. */
long zeros_lay(const struct fault_page *p);

/* Puts files back that cover more than they did. Takes the overlay lock; cheap where there is none. */
void zeros_settle(void);

/* The same with the overlay lock held. */
void zeros_look(void);

/* EIO where the range has zeros that the program may store to: what it did store there is lost, and no
 * fault tells. Takes the model lock. */
int zeros_error(uintptr_t start, uintptr_t end);

/* In a forked child, where nobody else runs: all files are put back, for the kernel tells the parent when
 * they change. What they lack faults anew. */
void zeros_forked(void);

/* All files are put back and no signal comes any more: for a process that cannot have its SIGBUS handled from
 * here on. What they lack faults as alone. Takes the overlay lock. */
void zeros_withdraw(void);

/* The process ends with this status: the one to end with instead. Says in the log what was lost, once.
 * Takes the overlay lock. */
int zeros_end(int status);

#endif
