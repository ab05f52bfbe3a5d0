/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record: what the record of a process (mapherd/record.h) says of the count: its history, the last
 * events, and who holds most VMAs; and when there is a record.
 *
 * Most processes have nothing to tell. So a record begins with the process's 64th call that maps or
 * unmaps, with its first warning, or at once with MAPHERD_LEAKS=on. The record is removed when the
 * process exits, becomes another program, or gives up the user or the root by which it could remove
 * the record. It stays if MAPHERD_DIR asked for records, and, with MAPHERD_LEAKS=on, after an exit
 * that leaves 64 recorded mappings or more, if the folder has room.
 *
 * The recording of mappings (leaks.h) starts and stops with the record, and as the command asks for
 * in it. All functions are thread-safe, but for record_start. None allocates.
 */
#ifndef MAPHERD_TRACE_RECORD_H
#define MAPHERD_TRACE_RECORD_H

#include <stdbool.h>

/* The constructor calls it once, after recordfile_place. name: the program's, which is copied. */
void record_start(const char *name);

/*
 * DUE_RECORD (common/due.h): makes the record or renews it, if it is time for that, and starts or
 * stops the recording of mappings as the command has asked for. The caller holds no lock.
 * Async-signal-safe.
 */
bool record_settle(void);

/* True if the command has written into the record what it wants, and record_settle is to be called.
 * Async-signal-safe; takes no lock. */
bool record_asked(void);

/* Before a call whose mapping may have to be recorded: makes the record if MAPHERD_LEAKS=on asks
 * for it and there is none. The caller holds no lock. Async-signal-safe. */
void record_before(void);

/*
 * Before the process becomes another program or another user, or gets another root or other mounts:
 * takes the record's name away, unless MAPHERD_DIR asked for the record. Returns true if the caller
 * is to call record_return where the process goes on. False in a vfork child, in a handler that
 * interrupted the record's own change, and where there is no record. Async-signal-safe.
 */
bool record_leave(void);

/* After record_leave returned true, where the process goes on: gives the record a name again, if
 * the process can make one now. Async-signal-safe. errno stays as it was. */
void record_return(void);

/* The process has left the mounts that it began with: from now on no record is made or renewed,
 * unless MAPHERD_DIR asks for it. Async-signal-safe. */
void record_forgo(void);

/* At the end of the process: renews the record, and removes or leaves it. Not to be called by a
 * vfork child. Async-signal-safe. */
void record_end(void);

/* Before the program sandboxes itself: as record_end, but the record does not say that the
 * process ended. Nothing is written from now on. */
void record_close(void);

/* In a forked child: the record is the parent's, and the child begins without one. */
void record_after_fork(void);

#endif
