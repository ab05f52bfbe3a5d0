/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spillfile: the spill file on its disk, in the format of mapherd/spill.h.
 *
 * No descriptor is kept, because the program may close it or get its number for a file of its own.
 * The file is opened by name for each piece of work, and recognized by device and inode. A process
 * knows its spill files by their numbers.
 *
 * The caller holds the overlay lock. Functions of type long return -errno if they fail, and a value
 * of 0 or more if they succeed. All are async-signal-safe.
 */
#ifndef MAPHERD_SPILLFILE_H
#define MAPHERD_SPILLFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapherd/spill.h"

/* A process has one, and those that its parents had when they forked. */
#define SPILLFILES_MAX 4

/* Returns the number of the process's own file, which is made if there is none. page is the page
 * size; program is the program's name, a part of the file's. */
long spillfile_own(size_t page, const char *program);

/* Returns a descriptor, which the caller closes (sys_close); -ESTALE if another file has its
 * name. */
long spillfile_open(unsigned file);

const char *spillfile_path(unsigned file);

/* Returns the path of the process's own file; "" if there is none. */
const char *spillfile_own_path(void);

/* Returns the inode, as /proc/self/maps shows it. */
uint64_t spillfile_ino(unsigned file);

/* A part of a file that gets a slot; error is that of struct spill_slot. */
struct spill_range {
    uint64_t dev, ino, start, len;
    int error;
    size_t path_len;
};

/* Adds a slot, and sets the offsets at which its pages and its sums lie. path has path_len
 * bytes. */
long spillfile_add(unsigned file, int fd, const struct spill_range *what, const char *path,
                   uint64_t *data_at, uint64_t *sums_at);

/* Removes a slot in which nothing was spilled, if it is the last one. */
void spillfile_take_back(unsigned file, uint64_t data_at);

/* Returns an offset past everything that is ever written: a mapping of it has no pages. */
uint64_t spillfile_nowhere(unsigned file);

/* Returns the offset of a page that belongs to no slot. The kernel copies a page there that a load
 * might fault on. */
uint64_t spillfile_scratch(void);

/* Allocates len bytes at offset from of a slot, and the space for their sums. Returns -EFBIG if
 * that is more than options.spill_max in all, or than the limit on the size of files. */
long spillfile_reserve(int fd, uint64_t data_at, uint64_t sums_at, uint64_t from, uint64_t len);

/* So many bytes that were reserved count no more. */
void spillfile_unreserve(uint64_t len);

/* Gives the space of len bytes at data_at back to the disk: they read as zeros. */
void spillfile_punch(int fd, uint64_t data_at, uint64_t len);

/* Reads or writes the sums of count pages, from the slot's page number page on. */
long spillfile_get_sums(int fd, uint64_t sums_at, uint64_t page, spill_sum *sums, size_t count);
long spillfile_put_sums(int fd, uint64_t sums_at, uint64_t page, const spill_sum *sums,
                        size_t count);

/* Returns true if a process that this one forked, or was forked from, may map its pages. */
bool spillfile_shared(unsigned file);

/* The process becomes another program (left), or could not (!left). While it is left, mapherd
 * recover may take what is in the process's own file. */
void spillfile_leave(bool left);

/* Everything in the file has gone back. Forgets the file, and removes it unless it is shared. */
void spillfile_remove(unsigned file);

/* After fork, in the parent and in the child. If pages are spilled (in_use), all files are shared
 * from here on. The child makes a file of its own when it needs one. */
void spillfile_forked(bool child, bool in_use);

#endif
