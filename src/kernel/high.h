/*
 * high: an open file where no program looks for its own descriptors.
 */
#ifndef MAPHERD_HIGH_H
#define MAPHERD_HIGH_H

/* sys_open, and the descriptor is moved to 512 or above where the limit allows; -errno if there is none.
 * Async-signal-safe. */
long high_open(const char *path, int flags, unsigned mode);

/* The same with an open descriptor, CLOEXEC; a -errno is given back. */
long high_move(long fd);

#endif
