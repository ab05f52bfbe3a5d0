/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * keepers: open files that the process keeps in no descriptor table of its own.
 *
 * A keeper is a thread of the library with a descriptor table of its own. It holds open files (open
 * file descriptions), and maps them for whoever asks, because it shares the address space. What is
 * in its table is not in /proc/self/fd, does not count for the program's RLIMIT_NOFILE, and is not
 * closed by closefrom. Closing a descriptor there drops none of the process's POSIX locks, which
 * belong to a table (fs/locks.c). A file gets there through a pair of sockets (SCM_RIGHTS), of
 * which the program's table has one: a descriptor at 512 or above with close-on-exec. Where the
 * program closes it, the keeper goes on serving what it holds, and another one is started for the
 * next file.
 *
 * Locks: the caller has one lock of its own, and blocks all signals, around each call; the text
 * calls it the lock. Every function is async-signal-safe, and uses neither errno nor variables of
 * the thread nor allocated memory. A vfork child may call all but keepers_end and
 * keepers_after_fork.
 *
 * What the program may see: one thread more for each keeper, named "mapherd", with the scheduling
 * policy of the thread that has started it, and on the processor of the one that it works for. For
 * calls that a process with threads may not make (unshare(2) of a user namespace) keepers_end comes
 * first, and likewise for a seccomp filter, which may kill for what a keeper does. A process whose
 * last other thread ends by a raw exit(2), and not by exit_group, does not end, unless
 * keepers_thread_ends is called. A keeper stays in the mount namespace in which it was started.
 * While more files than the soft RLIMIT_NOFILE are received, that limit is the hard one for some
 * microseconds, because the kernel compares it with the numbers in the keeper's table. A limit that
 * the program sets meanwhile stays. A process that is forked or executed meanwhile begins with the
 * hard one; keepers_settle prevents that. The limit may also be raised while files are sent to a
 * child, because the kernel compares it with the number of files that the user has in flight.
 *
 * When a keeper starts, it gets a copy of the program's table for a moment, and closes what is in
 * it. A file that another thread closes meanwhile is closed that much later. keepers_hold waits for
 * that for at most 100 ms: a close may take time on a filesystem of the network.
 */
#ifndef MAPHERD_KEEPERS_H
#define MAPHERD_KEEPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* For the constructor. room: an address where KEEPERS_ROOM bytes are free, and stay so: the
 * memory of the keepers is mapped there; 0: where the kernel likes. Before it, and in a process
 * that it was not called in (a vfork child), keepers_hold starts no keeper. Under
 * ThreadSanitizer, MemorySanitizer and valgrind, which have to know each thread, it starts none
 * either. */
#define KEEPERS_ROOM (64UL << 20)
void keepers_start(uintptr_t room);

/* Holds the open file of a descriptor. Returns its number, which is greater than 0, or -errno:
 * -EMFILE if no keeper has room, -EOPNOTSUPP where no keeper can be started, or the error of the
 * kernel. Waits for the keeper only if many files are on their way. */
long keepers_hold(int fd);

/*
 * What a keeper has open of this process: /proc/self/maps, pagemap and task. It opens them at its
 * start, because later its table may have more files than the soft RLIMIT_NOFILE allows. Negative:
 * that was refused, as it is in a process that has changed its users and is not dumpable
 * (prctl(2)). The number spare is taken then too: work that has to open something closes it first,
 * and takes it again.
 */
struct keepers_proc {
    int maps, pagemap, task, spare;
};

/*
 * Runs work on the keeper's thread, with its descriptor of the file. Returns the answer of work;
 * -EMFILE if the keeper cannot receive the file because RLIMIT_NOFILE has been lowered; or an error
 * of keepers_adopt. work has less than 12 KiB of stack, and uses neither errno nor variables of the
 * thread.
 */
typedef long keepers_work(int fd, const struct keepers_proc *proc, void *context);
long keepers_run(unsigned file, keepers_work *work, void *context);

/* True if a keeper of this process has received the file: from then on no limit keeps it from
 * mapping it. */
bool keepers_has(unsigned file);

/* Closes the keeper's descriptor, and returns when it is closed. The number is then free. In a
 * forked child it forgets the number of a file that the parent holds. */
void keepers_drop(unsigned file);

/*
 * Gives every keeper the users and groups of the calling thread, and takes from it the capabilities
 * that the calling thread does not have. For after setuid(2) and whatever else changes them. A
 * keeper has no capabilities from its start but those to follow (CAP_SETUID, CAP_SETGID), which are
 * not effective, and CAP_IPC_LOCK, for maps in a process that has locked its memory. Returns 0, or
 * the first -errno: a keeper then has more rights than the caller, and is better ended.
 */
long keepers_follow(void);

/* Has all files received that are on their way: before a fork, because the child could not find
 * them. */
void keepers_settle(void);

/*
 * A fork. Before it, after keepers_settle, keepers_bequeath names each file that the child is to
 * have whatever becomes of its parent, and keepers_before_fork sends them all (kernel/bequest.h).
 * Until keepers_fork_ended the process has a descriptor for about 23,000 files. keepers_fork_ended
 * is for the parent, also where the fork has failed, and does nothing in the child. It returns 0;
 * or the first -errno why the child did not get a file that was named: then it may still open it by
 * keepers_adopt.
 *
 * keepers_after_fork is for the child, before any other function: the keepers are its parent's. It
 * starts a keeper for each of the parent's that has sent files, because the child may close all
 * its descriptors at once, as daemons do; the files are received at the first need, or 10 ms later.
 * A child that has not called it notices that by memory that fork wipes, and then calls it itself.
 */
void keepers_bequeath(unsigned file);
void keepers_before_fork(void);
long keepers_fork_ended(void);
void keepers_after_fork(void);

/*
 * In a forked child, opens a file that the parent holds by its name in /proc, and holds it here.
 * That is for a file that did not come with the fork, and keepers_run does it by itself. The open
 * file is another one of the same file with the same access. Returns 0, or -errno: -ESRCH if the
 * parent or its keeper has gone, -ESTALE if another file has its number by now (parent and child do
 * not tell each other what they drop), or the error of the open, which checks the permissions of
 * the file. The parent holds the file as before.
 */
long keepers_adopt(unsigned file);

/* Ends all keepers, and with them all files are closed and all numbers are void. Returns when the
 * threads have gone. */
void keepers_end(void);

/*
 * The calling thread is about to end by exit(2). first: it is the first thread of the process.
 * Returns true if none but keepers would be left: then the caller ends the process, which has the
 * status of the last thread (Linux 5.18). Else, once the first thread has ended, the keepers look
 * ten times a second whether they are alone, and then end the process with the status 0. That is
 * the one of a thread of libc. Without /proc they cannot know. After false the first thread must
 * not get a signal any more.
 */
bool keepers_thread_ends(bool first);

unsigned keepers_threads(void);
/* Returns how many files are held, those included that the parent of a forked child holds. */
size_t keepers_files(void);
/* Returns how many VMAs the keepers and their table have. */
unsigned keepers_vmas(void);

#endif
