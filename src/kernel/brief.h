/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * brief: a descriptor that is open for a moment, and that no forked child keeps.
 *
 * Another thread of the program may fork at any time. O_CLOEXEC does not help a child that does not
 * exec: it would keep a descriptor that it never opened, of the list of its parent's memory for
 * instance. So the library lists each such descriptor while it is open. A fork waits while one is
 * being opened or closed, which takes microseconds, and the child closes those on the list. A fork
 * by a raw system call runs no handler: its child keeps what was open at that moment.
 */
#ifndef MAPHERD_BRIEF_H
#define MAPHERD_BRIEF_H

/*
 * Opens a file as open(2) does, with O_CLOEXEC. Returns the descriptor, or -errno. The descriptor
 * is moved to 512 or above where the limit allows (high_open), and is a lower one for a moment
 * before that. Only brief_close closes it. Thread- and async-signal-safe; waits while another
 * thread forks.
 */
long brief_open(const char *path, int flags, unsigned mode);

/* Closes a descriptor of brief_open or brief_memfd. Thread- and async-signal-safe; waits as
 * brief_open does. */
void brief_close(int fd);

/* Makes a file by memfd_create(2). All else is as for brief_open. */
long brief_memfd(const char *name);

/*
 * Lets the kernel enlarge the table of descriptors beyond 512. For the constructor, while there is
 * one thread: in a process with threads the kernel waits for an RCU grace period then, about 10 ms,
 * while the caller may hold a lock (fs/file.c, expand_fdtable).
 */
void brief_start(void);

/* Are called around a fork. brief_before_fork is called last, after all locks have been taken,
 * because a thread that holds a lock may wait in brief_open. The other two are called before any
 * lock is released. */
void brief_before_fork(void);
void brief_after_fork_in_parent(void);
void brief_after_fork_in_child(void);

/* Forgets the list without closing anything. For a child whose fork ran no handler. */
void brief_forked_unseen(void);

/* ---- descriptors at 512 or above ---- */

/*
 * Descriptors of 512 and above, where a program does not expect one of its own.
 *
 * A program takes its descriptors to be the lowest that are free, as open(2) promises.
 */

/* Opens a file as sys_open does, and moves the descriptor to 512 or above where RLIMIT_NOFILE
 * allows. Returns the descriptor, or -errno. Thread- and async-signal-safe. */
long high_open(const char *path, int flags, unsigned mode);

/* Moves an open descriptor likewise, and returns its new number; where it cannot be moved, the old
 * one. The new one is CLOEXEC. Returns a negative fd, which is an -errno, as it is. Thread- and
 * async-signal-safe. */
long high_move(long fd);

#endif
