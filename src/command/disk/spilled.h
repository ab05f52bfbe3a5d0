/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spilled: reads a spill file (mapherd/spill.h), and writes its pages back to their files.
 *
 * Any user may have written the file. So each number is checked before it is used, and a caller
 * shows its text only through print_text. A function that fails leaves a sentence in problem.
 */
#ifndef MAPHERD_SPILLED_H
#define MAPHERD_SPILLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mapherd/spill.h"

struct spilled {
    int fd;
    struct stat stat;
    struct spill_header header;
    char program[sizeof((struct spill_header *)0)->program + 1];
    struct spill_slot *slots; /* header.slots of them, all of them checked */
    bool unfinished;          /* the process was killed while it made the file: nothing is in it */
    char problem[200];        /* why a function below said false */
};

/* Opens a spill file for reading, and checks the header and every slot. Of an unfinished one
 * only stat is filled in. False: it is none, or cannot be read, and there is nothing to close. */
bool spilled_open(struct spilled *s, const char *path);
void spilled_close(struct spilled *s);

/* The path of a slot's file, which the caller frees. The kernel shows newlines as \012. Where
 * there is no file of the name as it stands, that is undone. */
char *spilled_path(const struct spill_slot *slot);

/* ---- the pages of one file ---- */

/*
 * First each page is compared with what the file has (restore_open, restore_slot). Then either all
 * pages that differ are written, or none (restore_ready, restore_write). The file never becomes
 * longer.
 */

/* One page of a slot. */
struct spillpage {
    uint64_t offset; /* in the file that it belongs to */
    uint64_t at;     /* in the spill file */
    spill_sum base;  /* of what the file was last known to hold */
};

struct range {
    uint64_t offset, len;
};
struct ranges { /* in order of the file; neighbours are one */
    struct range *at;
    size_t n, room;
};

struct restore {
    const char *path;
    struct spilled *from;
    int fd; /* -1: it cannot be used, see problem */
    struct stat stat;
    bool deleted;            /* when it was mapped: it has no name any more */
    bool another_device;     /* than the spill file names: loop devices and btrfs get new numbers */
    long unchanged;          /* pages that the program did not store to */
    long there;              /* pages that the file has already */
    struct spillpage *pages; /* what is to be written, in order of the file */
    size_t n, room;
    struct ranges todo;           /* the same as ranges, cut at the end of the file */
    struct ranges changed;        /* of these, what another process has written since */
    struct ranges past;           /* what would lie past the end of the file: never written */
    uint64_t written;             /* bytes */
    char problem[300];            /* why not, or why not all; "" if there is none */
    unsigned char *here, *stored; /* a page each */
};

/* Opens the file of that slot. If it cannot be used, restore_ready says so in problem. force:
 * also a file which has changed since it was spilled may be written to. */
void restore_open(struct restore *r, struct spilled *from, const struct spill_slot *slot,
                  const char *path, bool force);
void restore_close(struct restore *r);

/* Compares the pages of a slot of this file. False: they could not be read, and problem says
 * why. */
bool restore_slot(struct restore *r, const struct spill_slot *slot);

/* After the last slot: whether the pages may be written. False: problem says why not. */
bool restore_ready(struct restore *r, bool force);

/* Reserves the space, writes and syncs. False: problem says why. What has been written is right
 * then, and a second run goes on from there. */
bool restore_write(struct restore *r);

static inline uint64_t ranges_bytes(const struct ranges *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum += r->at[i].len;
    return sum;
}

#endif
