/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pending: errors that msync has still to return to the program.
 *
 * The kernel reports a write-back error once to each open file description (lib/errseq.c). One
 * msync of the program may take that report for other ranges too: the library has widened it, or
 * has joined mappings of several open file descriptions. The kernel does not know of a page that
 * the library had spilled and has lost. So an error is kept for each range of addresses that it
 * concerns, until an msync of the range returns it, the range is unmapped, or something else is
 * mapped there. Every function but pending_any needs the model lock.
 */
#ifndef MAPHERD_PENDING_H
#define MAPHERD_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "space/tree.h"

/* An msync of any page in the range has to return error, an errno value. A newer error replaces an
 * older one. Where there is no memory for it, the error is lost, and counted as forgotten. */
void pending_add(uintptr_t start, uintptr_t end, int error);

/* Removes what is pending for the range, and returns the error of its lowest part; 0 if there is
 * none. */
int pending_take(uintptr_t start, uintptr_t end);

/* Removes what is pending for the range: it was unmapped, or something new is mapped there. */
void pending_forget(uintptr_t start, uintptr_t end);

/* What is pending for the range is pending for the addresses delta bytes further on: the range was
 * moved. */
void pending_move(uintptr_t start, uintptr_t end, intptr_t delta);

/* An error may be pending for some range. Needs no lock. It is inline because each new mapping
 * asks. */
extern struct tree pending_ranges;
static inline bool pending_any(void)
{
    return __atomic_load_n(&pending_ranges.total, __ATOMIC_RELAXED) != 0;
}

#endif
