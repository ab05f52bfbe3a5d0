/*
 * error: libc's errno, as far as it can be reached.
 *
 * The loader relocates libraries one after the other, and calls the IFUNC resolvers of one that comes
 * before this library while this library still has the addresses of the link editor: a call into libc
 * would end in SIGSEGV. Hooks are called there too.
 */
#ifndef MAPHERD_ERROR_H
#define MAPHERD_ERROR_H

#include <stdbool.h>

/* False where this library is not relocated, and errno, and all of libc, out of reach. */
bool error_reachable(void);

/* Sets errno to a positive error number; does nothing where this library is not relocated. Thread- and
 * async-signal-safe. */
void error_set(long error);

#endif
