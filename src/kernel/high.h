/*
 * high: descriptors of 512 and above, where a program does not expect one of its own.
 *
 * A program takes its descriptors to be the lowest that are free, as open(2) promises.
 */
#ifndef MAPHERD_HIGH_H
#define MAPHERD_HIGH_H

/* Opens a file as sys_open does, and moves the descriptor to 512 or above where RLIMIT_NOFILE
 * allows. Returns the descriptor, or -errno. Thread- and async-signal-safe. */
long high_open(const char *path, int flags, unsigned mode);

/* Moves an open descriptor likewise, and returns its new number; where it cannot be moved, the old
 * one. The new one is CLOEXEC. Returns a negative fd, which is an -errno, as it is. Thread- and
 * async-signal-safe. */
long high_move(long fd);

#endif
