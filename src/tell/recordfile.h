/*
 * recordfile: the file of mapherd/record.h, made, mapped and grown.
 *
 * Space is allocated before it is used, so a full tmpfs costs entries and never a signal. The map
 * is not inherited by fork (MADV_DONTFORK): a child makes its own when it has something to tell.
 * Whoever truncates the file takes the memory away from under the process: nothing here can help.
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

/* Held around recordfile_take, ledger.h and stacks.h. Taken last and alone; a child frees it. */
extern struct lock record_lock;

/* Where the file is to be mapped: room bytes that nobody uses. Once, in the constructor. */
void recordfile_place(uintptr_t at, size_t room);

/* Makes the record: by MAPHERD_DIR, or in /dev/shm. 0, or -errno: the program runs on without one.
 * path: where it is, or was to be, until the next call. One thread at a time. */
long recordfile_make(const char *program, const char **path);

/* The record, or NULL: none was made, or it is the parent's. A load. */
struct mapherd_record_head *recordfile_head(void);

/* n elements of a kind (bytes of TEXT, words of STACK) side by side: the first one's number, or 0
 * where there is no more space. Zeroed. record_lock held. */
uint32_t recordfile_take(enum mapherd_record_kind kind, uint32_t n);

/* Element i of a kind, which recordfile_take has given. */
void *recordfile_at(enum mapherd_record_kind kind, uint32_t i);

/* Writes the holders of most VMAs, which a scan has found, into the record. One thread at a
 * time. */
void recordfile_name_top(const struct holders *h);

/* The process ends: the file stays only if keep. */
void recordfile_end(bool keep);

/* The records of the folder, this one among them, take no more of the filesystem than the share
 * that records may have together (an eighth). Reads the folder; true where it cannot be read. */
bool recordfile_folder_has_room(void);

/*
 * The process may be about to become another program, or to lose the right to remove the file:
 * takes its name away, unless MAPHERD_DIR asked for the record. The map stays, so nothing is lost
 * if the process stays what it is. True if there is a name to give back. record_lock held.
 */
bool recordfile_unname(void);

/* The user who may take the name away. */
uid_t recordfile_owner(void);

/* Gives it a name again: a new file with the same content, by the user and under the root that the
 * process has now. 0, or -errno: the record goes on without a name, and ends with the process.
 * record_lock held. */
long recordfile_rename(void);

/* It lies where the user has said. */
bool recordfile_is_asked_for(void);

/* In a forked child: there is none. */
void recordfile_after_fork(void);

#endif
