/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * bequest: open files on their way to a child that is about to be forked.
 *
 * A keeper sends them into sockets (SCM_RIGHTS) before the fork. The process has the receiving ends
 * in its table of descriptors while it forks, and so has the child. A file that waits in a socket
 * stays open whatever the parent does. The parent closes its ends after the fork, and the child
 * closes them as soon as a thread of its own has a copy of its table (keepers.h). Closing a socket
 * drops no POSIX locks of the files that wait in it.
 *
 * The descriptors are at 512 or above, with close-on-exec. The files count for the user's limit of
 * files in flight, which is the soft RLIMIT_NOFILE of whoever sends (net/core/scm.c,
 * too_many_unix_fds), until they are received.
 *
 * Every function is async-signal-safe, and uses neither errno nor variables of the thread. The
 * caller has the lock of keepers.h. A keeper calls bequest_give and bequest_take alone.
 */
#ifndef MAPHERD_BEQUEST_H
#define MAPHERD_BEQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/nofile.h"
#include "kernel/sys.h"

#define BEQUESTS 64 /* sockets of one fork; the buffer of each is for about 23,000 files */

/* Files of one message, with their numbers. */
struct bequest_lot {
    unsigned n;
    int fds[SYS_FILES_MAX];
    uint32_t numbers[SYS_FILES_MAX];
};

/* A sending end, in the table of the thread that has made it. */
struct bequest_end {
    int fd;
    ino_t ino;
    long tid;
    bool delivered; /* it also waits in the socket of the keeper */
};

/* Makes a socket more for the files of a keeper. Returns 0 or -errno, and sets *into to the end to
 * send into, which the caller closes by bequest_added. */
long bequest_add(unsigned keeper, struct bequest_end *into);

/* Closes the end to send into, unless the program has given its descriptor to another file. */
void bequest_added(const struct bequest_end *into);

/* All has been sent that is to be sent: from now on a child may take it. */
void bequest_complete(void);

/* Writes the receiving ends for the files of a keeper, and returns how many there are. Returns 0
 * where the process has not all of them: then none is of use. */
unsigned bequest_of(unsigned keeper, int sockets[BEQUESTS]);

/* Closes the receiving ends in the table of the process, and forgets them. */
void bequest_close(void);

/* For the keeper, whose socket has this descriptor: returns a new one of the sending end, or
 * -errno: -EACCES where it was not delivered, and a seccomp filter may kill for another way. */
long bequest_fetch(const struct bequest_end *into, int socket);

/* Sends a lot. Returns 0, or -errno: -EAGAIN if the socket has no room, -ETOOMANYREFS if the user
 * has too many files in flight. May raise the limit, which the caller restores. */
long bequest_give(int socket, const struct bequest_lot *lot, struct nofile *limit);

/* Receives a lot. Returns how many files it has, 0 if no more wait; or -errno: -EMFILE if the hard
 * RLIMIT_NOFILE does not allow all of them, which then go on waiting. Raises the limit for no
 * longer than one message takes. */
long bequest_take(int socket, struct bequest_lot *lot);

#endif
