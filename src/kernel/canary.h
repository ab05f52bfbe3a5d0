/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * canary: is the process at its limit of VMAs now?
 *
 * A scan takes milliseconds and stalls other threads on older kernels: a failing call has no time
 * for it. So the library keeps a private PROT_NONE map of three pages. Advice on its middle page
 * splits it in three, which fails at limit - 1 VMAs and above, and for no other reason
 * (mm/madvise.c, mm/vma.c: the kernel refuses the split for map_count alone).
 */
#ifndef MAPHERD_CANARY_H
#define MAPHERD_CANARY_H

#include <stdbool.h>
#include <stdint.h>

/* Takes the three pages at addr: mapped PROT_NONE, where no neighbour can merge with them. For the
 * constructor. */
void canary_start(uintptr_t addr);

/* True if the process has so many VMAs that a split fails. False if there is no canary. The process
 * has two VMAs more for a moment. Thread- and async-signal-safe; takes a lock of its own. */
bool canary_at_limit(void);

/* Frees the lock. For a forked child. */
void canary_after_fork(void);

#endif
