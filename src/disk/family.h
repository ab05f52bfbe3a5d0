/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * family: the processes that were forked from one that keeps open files (keeps.h).
 *
 * A forked child has the mappings of its parent, and shares their open files: the kernel gives a
 * lease although the child has the file too. But a page that one of the two gets from a spill file
 * is not what the other sees. So each member writes its process id into a page that all members
 * share. To find out whether another member has a file mapped, a member reads the others' lists of
 * VMAs.
 */
#ifndef MAPHERD_FAMILY_H
#define MAPHERD_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

/* Makes the page, at the first call. Returns false if there is none. Thread-safe. */
bool family_start(void);

/* Both are called at every fork: family_before_fork by the parent, family_arrived by the child,
 * with what the first has returned. Until the child has written its id, it counts as having
 * every file mapped. False: there is no page, and everything that is mapped counts as shared
 * for good. */
bool family_before_fork(void);
void family_arrived(bool announced);

/* Takes the announcement back: the fork has failed. For the parent. */
void family_not_forked(bool announced);

/* Is called instead of family_before_fork by a process that makes no system calls of its own any
 * more: for the other members its child counts for good as having every file mapped. */
void family_before_hidden_fork(void);

/* Returns true if another member has a VMA of the file, with device and inode as /proc/PID/maps
 * shows them, or may have one. Sets *who to the id of that member, or to 0 if it is not known. The
 * caller has the overlay lock. */
bool family_shares(uint64_t dev, uint64_t ino, long *who);

/* ---- the processes that have a file mapped ---- */

/*
 * The processes that have a file mapped, as far as /proc shows them.
 *
 * A process may give an open file to another program: as an inherited descriptor, or over a socket.
 * The other program can then map the file without opening it, so a lease does not show it, and
 * without a fork. Both functions need the overlay lock.
 */

/* Returns 1 if that process has a VMA of the file, with device and inode as /proc/PID/maps shows
 * them; 0 if it has none; or -errno where its list cannot be read. */
long mappers_has(long pid, uint64_t dev, uint64_t ino);

/* Returns the id of another process that has a VMA of the file; 0 if none is found. A process that
 * shares the memory of this one, such as a vfork child, does not count. Reads the lists of all
 * processes, which takes milliseconds. */
long mappers_other(uint64_t dev, uint64_t ino);

#endif
