/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill: a store for which the disk has no space goes to the spill file, until there is space.
 *
 * A page of the spill file (disk/spillfile.h), with the contents of the file's page, is mapped over
 * that page. Pages near it are switched too, in growing runs, so that the number of VMAs stays
 * small. While a run is switched, in either direction, a mapping without pages lies over it: every
 * access of another thread faults, and waits in the handler for the overlay lock. So no store falls
 * between the copy and the switch. A system call that touches such a page at that moment returns
 * EFAULT.
 *
 * Unless a function says otherwise, its caller holds no lock, and it takes the overlay lock and the
 * model lock; it does nothing if this thread has the overlay lock. All functions are thread- and
 * async-signal-safe, and make no system call while there is no overlay.
 */
#ifndef MAPHERD_SPILL_POLICY_H
#define MAPHERD_SPILL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/overlays.h"
#include "space/request.h"

/*
 * A store to p failed for lack of space. Switches its page to the spill file, and returns 0: the
 * page takes stores now. Returns -EAGAIN if the instruction is to be tried again; any other -errno
 * if nothing has changed (spill_why). alone: the user says that no other process uses the file;
 * otherwise the kernel has to prove it. program is the program's name. Called from the handler,
 * with the overlay lock held.
 */
long spill_store(const struct fault_page *p, const char *program, bool alone);

/* Returns the words for an error of spill_store; and the path of the spill file, or the folders in
 * which it would be made. Overlay lock held; static storage. */
const char *spill_why(long error);
const char *spill_path(void);

/* Tries to write back everything that is spilled of the files that have spilled pages in the range,
 * and to map the files themselves there again. Returns 0, or the (positive) error as long as that
 * cannot be done. */
int spill_return(uintptr_t start, uintptr_t end);

/* Tries that for all files, once a second at most. For calls that are about something else. */
void spill_settle(void);

/* Tries that for all files at exit, and logs what cannot go back. */
void spill_end(void);

/* spill_leave: the process is about to become another program. Does what spill_end does, and leaves
 * the rest to mapherd recover. Returns true if there was anything to leave. spill_stay: the process
 * could not become another program, and goes on with its spilled pages. */
bool spill_leave(void);
void spill_stay(void);

/* Gives the leases back and removes the handler of SIGURG, because the library makes no calls from
 * here on. A process that opens such a file sees it without what is still spilled. */
void spill_release_leases(void);

/*
 * For after spill_release_leases; neither makes a system call nor takes a lock, and both cost one
 * load where nothing is left. spill_abandoned returns the (positive) error of what stays spilled in
 * the range, or 0. spill_forget_abandoned: the program uses the range for something else.
 */
int spill_abandoned(uintptr_t start, uintptr_t end);
void spill_forget_abandoned(uintptr_t start, uintptr_t end);

/* Reads the options. For the constructor. */
void spill_start(void);

/* The program has made the mapping q of a file at [start, end). Keeps its open file if the file may
 * lack space (keeps.h), which may cost system calls, and shows the spilled pages of its file
 * there. */
void spill_mapped(uintptr_t start, uintptr_t end, struct map_request *q);

/* A mapping was moved to the range, or has grown by it: shows the spilled pages of its file
 * there. */
void spill_moved(uintptr_t start, uintptr_t end);

/* The file of st is size bytes long from now on. Discards what was stored past that. */
void spill_trim(const struct stat *st, uint64_t size);

/*
 * The program makes a part of the file of st zeros, by a call that is made between these two:
 * fallocate that punches a hole or zeroes the range. Spilled pages become zeros there, too.
 */
struct spill_zeroed {
    uint64_t from, to; /* bytes of the file */
    /* Set by spill_zero_begin: */
    bool clean[2];  /* see spilled_borders */
    uint64_t moves; /* how often pages have gone to the spill file or back; 0: none is there */
};
void spill_zero_begin(const struct stat *st, struct spill_zeroed *z);

/* Returns 0; -EAGAIN if pages have gone to the spill file or back since spill_zero_begin, so
 * that the file may have got again what the call has taken: both calls, and the program's, are
 * to be made again; or another -errno, if the spill file fails. */
long spill_zero_end(const struct stat *st, const struct spill_zeroed *z);

/* Tries to write back everything that is spilled of the file of st. Returns 0, or the (positive)
 * error as long as that cannot be done. */
int spill_return_file(const struct stat *st);

/* After fork, in the child (true) and in the parent. The caller holds the overlay lock, or is the
 * only thread. Takes no lock. */
void spill_forked(bool child);

#endif
