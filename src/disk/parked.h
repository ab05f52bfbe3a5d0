/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * parked: open files that wait in sockets, for keeps.h.
 *
 * A file that waits in a socket (SCM_RIGHTS, unix(7)) is in no descriptor table: it stays open,
 * and nothing that the program does with descriptors closes it. Two connected sockets are two
 * places: what is sent into one waits in the other. To empty a place, its byte is received without
 * room for a descriptor. The kernel then drops the file (net/core/scm.c, scm_destroy), and, other
 * than the closing of a descriptor, that touches no POSIX lock.
 *
 * The sockets are descriptors at 512 or above, with close-on-exec. The program may close them, and
 * open others by their numbers; so each is asked for its inode before it is used. A forked child
 * has the sockets of its parent, and with them what waits there, until it closes those that it
 * does not need (keeps_after_fork). So a pair that existed at a fork takes no file any more, and
 * its places are emptied by closing: that way each of the two processes lets go for itself.
 *
 * A place is a number; 0 means none.
 */
#ifndef MAPHERD_PARKED_H
#define MAPHERD_PARKED_H

/* How many files wait at most. */
#define PARKED_MAX 16

/* The part of RLIMIT_NOFILE that may wait. RLIMIT_NOFILE is also how many open files all
 * processes of a user may have in sockets, before none of them can send any (ETOOMANYREFS,
 * unix(7)). */
#define PARKED_SHARE 64

/* Parks the open file of fd. Returns its place, or -errno. The caller has the model lock: a
 * fork waits for that lock, so no child gets the sockets that are there for a moment. */
long parked_put(int fd);

/* Returns a new descriptor, in the calling thread's table, of the file that waits there; -EBADF
 * if the program has closed the socket. */
long parked_peek(unsigned place);

/* parked_leave says, under the model lock, that the file is to go. parked_drop lets it go, and
 * its caller holds no lock, because the last close of a file may take time. A fork may come
 * between the two. */
void parked_leave(unsigned place);
void parked_drop(unsigned place);

/* For before a fork: closes the empty places, and no pair takes another file. The caller has
 * the model lock. */
void parked_retire(void);

/* For a forked child that has no other thread yet: closes the empty places, and those whose
 * file was about to go. */
void parked_in_child(void);

#endif
