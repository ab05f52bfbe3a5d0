/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * keeps: the open files that may have to prove that no other process uses the file.
 *
 * A store without space goes to the spill file only while no other process has the file open. The
 * kernel knows that: it gives a write lease (F_SETLEASE, fcntl(2)) on an open file description
 * that is the only one of its inode (fs/locks.c, check_conflicting_open), and it holds up each
 * later open of the file, for fs.lease-break-time at most. A mapping counts as the description
 * that it was made from, so that description is needed; but a program may close its descriptor. So
 * the description of a file that may lack space is kept from the mmap on, until the last range of
 * the file is unmapped.
 *
 * The description waits in a socket (parked.h), not as a descriptor, because closing any
 * descriptor of a file drops the process's POSIX locks on it. A thread with a descriptor table of
 * its own (sys_apart) does what has to be done with it.
 *
 * A forked child must have no descriptor that its program has not opened. So it has the keeps of
 * its parent, but of their files only those that are leased: it needs these to write back what is
 * spilled. The other files are parked again when the child maps them or faults on them, by a
 * descriptor that the program still has (refill).
 *
 * A keep is a number; 0 means none. Regions, overlays and calls hold it (holds.h).
 */
#ifndef MAPHERD_KEEPS_H
#define MAPHERD_KEEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "space/holds.h"

/* How many files are kept at most. A file that the program still has open needs no keep before
 * it is spilled (keeps_adopt). */
#define KEEPS_MAX HOLDS_MAX

struct map_request;

/* Returns the keep of the open file that the mapping is made from, held; makes one if the file
 * may lack space there. 0: there is none. For before or after the mmap. Takes the model lock. */
unsigned keeps_of(struct map_request *q);

/*
 * Both return the keep of a file, held; 0: there is none. keeps_adopt makes a keep from a
 * descriptor that the program has open, for a mapping that no hook has seen or that was made under
 * a seccomp filter; it reads the list of descriptors. dies: see filter_ask. Both take the model
 * lock; the caller of keeps_adopt has the overlay lock.
 */
unsigned keeps_find(dev_t dev, ino_t ino);
unsigned keeps_adopt(dev_t dev, ino_t ino, bool dies);

/* Parks the file of a keep again that has had none since a fork, as keeps_adopt does. Does
 * nothing if the keep has its file. The keep is held, the caller has the overlay lock. Takes
 * the model lock. */
void keeps_refill(unsigned keep, bool dies);

/* The device of the kept file, as fstat(2) shows it. The keep is held, or the caller has the
 * overlay lock. */
dev_t keeps_dev(unsigned keep);

/* Does what holds_drop does (holds.h), and takes the model lock for it. */
void keeps_let_go(unsigned keep);

/* DUE_KEEPS (common/due.h): closes the files of the keeps that nothing holds any more. The caller
 * holds no lock. */
bool keeps_settle(void);

/* Closes all kept files, because the library makes no calls any more. The numbers stay valid. The
 * caller holds no lock. */
void keeps_close_files(void);

/* Closes, in a forked child that has no other thread yet, the files that are not leased, and
 * the sockets that are empty. */
void keeps_after_fork(void);

/* ---- the lease; overlay lock held, the keep held ---- */

/*
 * Takes the lease. Returns 0 also if the keep has it already; -EAGAIN: another open file of this
 * inode exists; -EACCES: the file is another user's; -EUSERS: the program itself uses leases or
 * signals on it; -EBADF: the file has not been kept since a fork, or the program has closed the
 * socket; -ECHILD: the kernel could not be asked, for want of a thread or a descriptor; -EINVAL and
 * others: the filesystem has no leases. sig: the signal that the kernel sends
 * when another process opens the file (SIGURG); 0: none.
 */
long keeps_lease(unsigned keep, int sig);

enum lease_state {
    LEASE_NONE,    /* was never taken, or was given back */
    LEASE_HELD,    /* no other process has the file open */
    LEASE_ASKED,   /* a process opens the file, and the kernel holds it up */
    LEASE_LOST,    /* the kernel took it away: other processes may have the file open */
    LEASE_UNKNOWN, /* the kernel could not be asked, for want of a thread or a descriptor */
};
/* Asks the kernel for the state. Tries to take a lost lease again. */
enum lease_state keeps_state(unsigned keep, int sig);

/* The size of the file in bytes; or -errno. */
long keeps_size(unsigned keep);

/* Gives the lease back. The kernel lets a process go on that it has held up. */
void keeps_give_back(unsigned keep);

#endif
