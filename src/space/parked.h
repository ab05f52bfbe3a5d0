/*
 * parked: open files that wait in sockets, for keeps.h.
 *
 * A file that waits in a socket (SCM_RIGHTS, unix(7)) is in no descriptor table: it stays open, and nothing
 * that the program does with descriptors closes it. Two connected sockets are two places: what is sent into
 * the one waits in the other. A place is emptied by receiving its byte without room for a descriptor: the
 * kernel drops the file then (net/core/scm.c, scm_destroy), which, unlike the closing of a descriptor, touches
 * no POSIX lock.
 *
 * The sockets are descriptors at 512 or above, with close-on-exec. The program may close them, and open others
 * by their numbers; so each is asked for its inode before it is used. A forked child has the sockets of its
 * parent, and with them what waits there, until it closes those that it does not need (keeps_after_fork). So a pair that has been through a fork takes no file any more, and
 * its places are emptied by closing: that way each of the two processes lets go for itself.
 *
 * A place is a number; 0 is none.
 */
#ifndef MAPHERD_PARKED_H
#define MAPHERD_PARKED_H

/* So many files wait at most. */
#define PARKED_MAX 16

/* And no more than this part of RLIMIT_NOFILE: that is also how many open files all processes of a user may
 * have in sockets, before none of them can send any (ETOOMANYREFS, unix(7)). */
#define PARKED_SHARE 64

/* The open file of fd is to wait: its place, or -errno. Model lock held, because a fork waits for that: no child
 * gets the sockets that are there for a moment. */
long parked_put(int fd);

/* A new descriptor, of the calling thread's table, of the file that waits there; -EBADF if the program has
 * closed the socket. */
long parked_peek(unsigned place);

/* The file is to go: leave says so, under the model lock; drop does it, with no lock held, because the last
 * close of a file may take its time. A fork may come between them. */
void parked_leave(unsigned place);
void parked_drop(unsigned place);

/* Closes what is empty, and no pair takes another file: before a fork. Model lock held. */
void parked_retire(void);

/* In the child, where nobody else is: closes what is empty, and what was about to leave. */
void parked_in_child(void);

#endif
