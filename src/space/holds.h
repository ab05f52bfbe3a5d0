/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holds: how often each kept file is held, by regions (regions.h), by overlays (disk/overlays.h)
 * and by calls that are using it.
 *
 * A kept file (disk/keeps.h) is a number from 1 to HOLDS_MAX. It is begun with one hold. When the
 * last hold is dropped, it is idle, and DUE_KEEPS (common/due.h) is set: the end of a call ends it,
 * unless it has got a hold again by then. Every function but holds_idle needs the model lock.
 */
#ifndef MAPHERD_HOLDS_H
#define MAPHERD_HOLDS_H

#include <stdbool.h>
#include <stdint.h>

#define HOLDS_MAX 16 /* struct region has a byte for the number */

/* A new kept file, which the caller holds. */
void holds_begin(unsigned n);

/* Both do nothing if n is 0. */
void holds_add(unsigned n);
void holds_drop(unsigned n);

/* True if the file, which was begun, is idle. It has ended then, and its number can begin again. */
bool holds_end(unsigned n);

/* Returns how many files are idle. Needs no lock. */
unsigned holds_idle(void);

#endif
