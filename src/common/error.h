/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * error: libc's errno, as far as it can be reached.
 *
 * The loader relocates libraries one after the other, and calls the IFUNC resolvers of each as it
 * relocates it. A resolver of a library that comes before this one may call a hook, while the
 * pointers of this library still hold addresses of the link editor: a call into libc would then end
 * in SIGSEGV.
 */
#ifndef MAPHERD_ERROR_H
#define MAPHERD_ERROR_H

#include <stdbool.h>

/* False while this library is not relocated, and where the program has no libc: no function of
 * libc may be called. Thread- and async-signal-safe. */
bool error_reachable(void);

/* Returns errno; 0 where it cannot be reached. Thread- and async-signal-safe. */
int error_get(void);

/* Sets errno to error, which is not negative. Does nothing where errno cannot be reached. Thread-
 * and async-signal-safe. */
void error_set(long error);

#endif
