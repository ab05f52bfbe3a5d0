/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * nofile: the soft RLIMIT_NOFILE of the process, raised for a moment.
 *
 * The kernel compares it with the number of a new descriptor, in whatever table, and with the
 * user's number of files in flight. The functions are async-signal-safe, and use neither errno nor
 * variables of the thread. A process that is forked or executed meanwhile begins with the raised
 * limit.
 */
#ifndef MAPHERD_NOFILE_H
#define MAPHERD_NOFILE_H

#include <stdbool.h>
#include <sys/resource.h>

struct nofile {
    bool raised; /* false at first */
    struct rlimit before, raised_to;
};

/* Makes the soft limit the hard one. Returns false if that is not possible, or changes nothing. */
bool nofile_raise(struct nofile *l);

/* Undoes it, where it was done. A limit that the program has set meanwhile stays. */
void nofile_restore(const struct nofile *l);

/* Makes two connected sockets as sys_socketpair does, where the program has used up its descriptors
 * too: their numbers are then beyond the soft limit. */
long nofile_socketpair(int pair[2]);

#endif
