/*
 * spillfile: the spill file on its disk, in the format of mapherd/spill.h.
 *
 * No descriptor is kept: the program may close it, or take its number for a file of its own. It is
 * opened by name for each piece of work, and known again by device and inode. One thread at a
 * time (overlay_lock). All return >= 0 or -errno.
 */
#ifndef MAPHERD_SPILLFILE_H
#define MAPHERD_SPILLFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapherd/spill.h"

/* A process has one, and those that its parents had when it was forked. */
#define SPILLFILES_MAX 4

/* The process's own, made if there is none; its number. page: the page size. program: its name. */
long spillfile_own(size_t page, const char *program);

/* A descriptor, to be closed by the caller (sys_close). */
long spillfile_open(unsigned file);

const char *spillfile_path(unsigned file);

/* "" if there is none. */
const char *spillfile_own_path(void);

/* As maps of it show it. */
uint64_t spillfile_ino(unsigned file);

/* A range of a file that gets a slot; error as in struct spill_slot. */
struct spill_range {
    uint64_t dev, ino, start, len;
    int error;
    size_t path_len;
};

/* Where its pages and sums lie. path: path_len bytes. */
long spillfile_add(unsigned file, int fd, const struct spill_range *what, const char *path,
                   uint64_t *data_at, uint64_t *sums_at);

/* Nothing came of that slot: its place is free again if it is the last. */
void spillfile_take_back(unsigned file, uint64_t data_at);

/* An offset behind everything that is ever written: a map of it has no pages. */
uint64_t spillfile_nowhere(unsigned file);

/* The offset of a page that is nobody's, for looking at what the kernel alone can read. */
uint64_t spillfile_scratch(void);

/* Space for len bytes is allocated, within options.spill_max in all and the limit on the size of
 * files; -EFBIG where that is over. */
long spillfile_reserve(int fd, uint64_t data_at, uint64_t sums_at, uint64_t from, uint64_t len);

/* The space of len bytes is given back, and what was there reads as zeros. */
void spillfile_release(int fd, uint64_t data_at, uint64_t len);

long spillfile_get_sums(int fd, uint64_t sums_at, uint64_t page, spill_sum *sums, size_t count);
long spillfile_put_sums(int fd, uint64_t sums_at, uint64_t page, const spill_sum *sums, size_t count);

/* A process that this one forked, or was forked from, may have its pages mapped. */
bool spillfile_shared(unsigned file);

/* left: what is in the process's own file is for others to recover, because the process becomes another program; or
 * it is not, because that failed. */
void spillfile_leave(bool left);

/* Everything has gone back: the file is no longer used, and removed unless it is shared. */
void spillfile_remove(unsigned file);

/* After fork, in both: what is in use is shared from here on, and the child makes files of its own. */
void spillfile_forked(bool child, bool in_use);

#endif
