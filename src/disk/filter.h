/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * filter: does the seccomp filter of this process allow spilling?
 *
 * A child makes the calls first (kernel/trial.h), at a fault for want of space, or at the start
 * with MAPHERD_SECCOMP=start: a process that has space gets no such child. The functions but
 * filter_ask_at_start are thread- and async-signal-safe.
 */
#ifndef MAPHERD_FILTER_H
#define MAPHERD_FILTER_H

#include <stdbool.h>

/* True if there is no filter, or a child has survived the calls of spilling. */
bool filter_passes(void);

/* True if a child did not survive the calls of spilling, a call of it was refused, or it could not
 * be made. */
bool filter_refuses(void);

/* Returns filter_passes(), by a child if that is not known yet and a child may be made; dies: the
 * fault ends the process anyway, and so it may. The first answer stays. Writes a line to the log
 * before. Less than 1 KiB of stack. Overlay lock held. */
bool filter_ask(bool dies);

/* Makes the child in the constructor, as the user wants with MAPHERD_SECCOMP=start. */
void filter_ask_at_start(void);

#endif
