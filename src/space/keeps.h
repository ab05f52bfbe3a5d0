/*
 * keeps: the open files that may have to prove that they are this process's alone.
 *
 * A store without space goes to the spill file only while nobody else has the file open. The kernel knows:
 * it gives a write lease (F_SETLEASE, fcntl(2)) on an open file description that is the only one of its
 * inode (fs/locks.c, check_conflicting_open), and holds up who opens the file later, for lease-break-time.
 * A map counts as the description it was made from, so that one is needed; and a program may close its
 * descriptor. So the description of a file that may want for space is kept from the mmap on, until the last
 * range of it is unmapped.
 *
 * It waits in a socket (parked.h) and not as a descriptor of the file, because the closing of any
 * descriptor of a file drops the process's POSIX locks on it. What is done with it is done on a thread with
 * a descriptor table of its own (sys_apart).
 *
 * A forked child is to have no descriptor that its program has not opened. So it has its parent's keeps, but of the
 * files only those that are leased: without them it could not write back what is spilled. The others come back from
 * a descriptor of the program's, at a map or at a fault, if it still has one (refill).
 *
 * A keep is a number; 0 is none. Its holders are regions (tree.h), overlays, and who is just at it.
 */
#ifndef MAPHERD_KEEPS_H
#define MAPHERD_KEEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "space/parked.h"

/* A file of which the program has a descriptor still needs no keep before it is spilled (keeps_adopt). */
#define KEEPS_MAX PARKED_MAX

struct map_request;

/* For a map that is about to be made, or was: the keep of its open file, made if the file may want for space
 * there; held, or 0. Takes the model lock. */
unsigned keeps_of(struct map_request *q);

/* The keep of a file, held; 0: none. keeps_adopt makes one of a descriptor that the program has open, for a map
 * that no hook has seen, or that was made under a seccomp filter; it reads the list of descriptors. Alone the program
 * dies of the fault (dies): see filter_ask. Both take the model lock; keeps_adopt with the overlay
 * lock held. */
unsigned keeps_find(dev_t dev, ino_t ino);
unsigned keeps_adopt(dev_t dev, ino_t ino, bool dies);

/* As keeps_adopt, for a keep that has no file since a fork; nothing where it has one. Held; overlay lock held, takes the
 * model lock. */
void keeps_refill(unsigned keep, bool dies);

/* The device that fstat shows; and the inode. Held, or the overlay lock is. */
dev_t keeps_dev(unsigned keep);
ino_t keeps_ino(unsigned keep);

/* Model lock held. 0 is allowed. */
void keeps_hold(unsigned keep);
void keeps_release(unsigned keep);

/* keeps_release, for who does not hold the model lock. */
void keeps_let_go(unsigned keep);

/* Closes those that nobody holds any more. No lock held. */
extern unsigned keeps_idle;
void keeps_close_idle(void);
static inline void keeps_settle(void)
{
    if (__atomic_load_n(&keeps_idle, __ATOMIC_RELAXED))
        keeps_close_idle();
}

/* Closes the files of all, because the library makes no calls any more. The numbers stay. No lock held. */
void keeps_close_files(void);

/* In a forked child, where nobody else is: closes the files that are not leased, and the sockets that are empty. */
void keeps_after_fork(void);

/* ---- the lease; overlay lock held, the keep held ---- */

/* Takes it, or has it. 0; -EAGAIN: another open file of this inode exists; -EACCES: another user's file;
 * -EUSERS: the program uses leases or signals on it itself; -EBADF: the file is not kept since a fork, or the program has
 * closed the socket; -EINVAL and others: there are no leases here. sig:
 * SIGURG is sent when somebody opens the file; 0: nothing is. */
long keeps_lease(unsigned keep, int sig);

enum lease_state {
    LEASE_NONE,    /* was never taken, or was given back */
    LEASE_HELD,    /* nobody else has the file */
    LEASE_ASKED,   /* somebody opens the file, and is held up */
    LEASE_LOST,    /* was taken away: others may have the file open */
};
/* By the kernel's word. A lost one is tried to be taken anew. */
enum lease_state keeps_state(unsigned keep, int sig);

/* Gives it back; who was held up goes on. */
void keeps_give_back(unsigned keep);

#endif
