/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * recordfile: the file of the record (mapherd/record.h).
 *
 * Space is allocated before it is used, so a full tmpfs costs entries and never causes SIGBUS. A
 * forked child does not inherit the mapping (MADV_DONTFORK), and makes a record of its own when it
 * needs one. Truncation of the file by another process causes SIGBUS in this one. Nothing prevents
 * that.
 */
#ifndef MAPHERD_RECORDFILE_H
#define MAPHERD_RECORDFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/lock.h"
#include "mapherd/record.h"
#include "tell/holders.h"

/* Protects recordfile_take and all of ledger.h and stacks.h. Its place in the order of locks:
 * kernel/lock.h. */
extern struct lock record_lock;

/* Sets where the file will be mapped: room bytes from at on, where nothing else is placed. For the
 * constructor. */
void recordfile_place(uintptr_t at, size_t room);

/* Makes the record, by MAPHERD_DIR or in /dev/shm. Returns 0; or -errno, and the process has no
 * record. *path is its path, or the one it would have had, until the next call. One thread at a
 * time. */
long recordfile_make(const char *program, const char **path);

/* Returns the record; NULL if none was made, or it is that of the parent. One load; thread- and
 * async-signal-safe. */
struct mapherd_record_head *recordfile_head(void);

/* Allocates n zeroed elements of a kind (bytes of TEXT, words of STACK) side by side. Returns the
 * number of the first; 0 where there is no more space. record_lock held. */
uint32_t recordfile_take(enum mapherd_record_kind kind, uint32_t n);

/* Returns element i of a kind, which recordfile_take has allocated. */
void *recordfile_at(enum mapherd_record_kind kind, uint32_t i);

/* Writes the n holdings with most VMAs, which a scan has found, into the record. One thread at a
 * time. */
void recordfile_name_top(const struct holding *rows, size_t n);

/* Ends the record with the process. The file is removed unless keep. */
void recordfile_end(bool keep);

/* True if the records of the folder, this one included, take no more of the filesystem than records
 * may have together, an eighth. Reads the folder; true where it cannot be read. */
bool recordfile_folder_has_room(void);

/*
 * Removes the file's name, unless the record lies where MAPHERD_DIR says: the process may be about
 * to execute another program, or to lose the right to remove the file. The mapping stays, so
 * nothing is lost if neither happens. True if recordfile_rename can give the file a name again.
 * record_lock held.
 */
bool recordfile_unname(void);

/* Returns the user that may remove the name. */
uid_t recordfile_owner(void);

/* Gives the record a name again: makes a new file with the same content, as the user and under the
 * root that the process has now. Returns 0; or -errno, and the record stays without a name and ends
 * with the process. record_lock held. */
long recordfile_rename(void);

/* True if the record lies where MAPHERD_DIR says. */
bool recordfile_is_asked_for(void);

/*
 * Begins a change of what the record says about mappings: takes record_lock, and lets readers see
 * that a change is under way. False where mappings are not recorded, and in a signal handler that
 * has interrupted the owner of the lock: then the mapping is counted as lost (head.lost, record.h).
 * recordfile_end_change ends it. Both are thread- and async-signal-safe.
 */
bool recordfile_begin_change(void);
void recordfile_end_change(void);

/* Forgets the record, which is that of the parent. For a forked child. */
void recordfile_after_fork(void);

#endif
