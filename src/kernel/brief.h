/*
 * brief: a file that is open for a moment, and that no forked child gets.
 *
 * Another thread of the program may fork at any time, and O_CLOEXEC does not help a child that does not
 * exec: it would keep a descriptor that it never opened, to the list of its parent's memory for instance.
 * So each of these is listed while it is open. A fork waits while one is being opened or closed, which
 * takes microseconds, and the child closes what the list has. A fork by a raw system call runs no handler:
 * its child keeps what was open at that moment.
 */
#ifndef MAPHERD_BRIEF_H
#define MAPHERD_BRIEF_H

/*
 * open(2) with O_CLOEXEC; the descriptor is moved to 512 or above where the limit allows, where no program
 * looks for its own, but is a lower one before that. The descriptor, or -errno. It is closed by brief_close
 * and by nothing else. Thread- and async-signal-safe; waits while another thread forks.
 */
long brief_open(const char *path, int flags, unsigned mode);
void brief_close(int fd);

/* memfd_create(2), likewise. */
long brief_memfd(const char *name);

/*
 * For the constructor, while there is one thread. The kernel enlarges the table of descriptors for the first
 * one above 512, and in a process with threads it waits for an RCU grace period then, about 10 ms, with
 * whatever lock the caller holds (fs/file.c, expand_fdtable).
 */
void brief_start(void);

/* pthread_atfork's three: before is called last, after all locks have been taken, because a thread that holds one
 * may wait here; after is called first. */
void brief_before_fork(void);
void brief_after_fork_in_parent(void);
void brief_after_fork_in_child(void);

/* In a child whose fork ran no handler. */
void brief_forked_unseen(void);

#endif
