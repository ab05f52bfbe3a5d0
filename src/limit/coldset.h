/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldset: the mappings that are cold, or may become so.
 *
 * Each is a range of a tree, in the order of addresses, which knows its open file and the offset in
 * it. Those that are warm are also in a queue, in the order in which they were made warm.
 *
 * The number of VMAs that the cold ones save is told to the count (space/count.h): there each
 * mapping is one, and what lies side by side is one VMA of the placeholder.
 *
 * Every function but coldset_take and coldset_start needs the lock of this file.
 */
#ifndef MAPHERD_COLDSET_H
#define MAPHERD_COLDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/lock.h"
#include "space/regions.h"
#include "space/tree.h"

/* Bits of the kind of a range, besides those of the mapping's region. */
enum {
    COLD = REGION_OVERLAID,     /* the placeholder lies over it */
    CUT_COLD = REGION_CHANGING, /* it was cold when it was cut out of the tree */
    WATCHED = REGION_RETAINED   /* it had no page in the page tables some time ago */
};

/* The file of one mmap. */
struct held {
    unsigned file, pieces; /* kernel/keepers.h; the ranges of the tree that are of this mmap */
    uintptr_t base;        /* address less offset in the file */
    dev_t dev;             /* as the kernel's list of VMAs shows it; 0: that is not known (btrfs) */
    ino_t ino;
    bool anew; /* the keeper is to open the file itself, and not to hold the program's open file */
};

extern struct lock coldset_lock;
extern struct tree coldset;

static inline bool range_is_cold(const struct region *r)
{
    return r->kind & COLD;
}

static inline uint64_t range_offset(const struct region *r)
{
    return r->start - r->held->base;
}

/* Takes the lock and blocks all signals. Returns false if the calling thread has the lock. */
bool coldset_take(uint64_t *mask);
/* Drops the lock and gives the thread its signals back. */
void coldset_drop(uint64_t mask);

/* For the constructor: picks the addresses of the ranges. Returns an address where the keepers may
 * have their memory, or 0. */
uintptr_t coldset_start(void);

/* Returns the address at which the pages of coldspare.h may be mapped. Needs no lock. */
uintptr_t coldset_spares(void);

/* Adds a range of the file, warm. The coldset drops the file when its last range goes. Returns NULL
 * where there is no memory: then it has not taken the file. */
struct region *coldset_add(uintptr_t start, uintptr_t end, const struct held *file, uint32_t kind);

/* Takes a range out, which may be cold. */
void coldset_remove(struct region *r);

/* Forgets everything, in a forked child that may have a part of a change. */
void coldset_forget(void);

/* Returns the range that addr lies in, or NULL. */
struct region *coldset_find(uintptr_t addr);

/* r has become cold (1), or is about to be no longer (-1). The caller changes its kind. */
void coldset_count(const struct region *r, int one);

/* Tells the calls and the status block how many ranges there are, after a change. */
void coldset_counted(void);

size_t coldset_warm_total(void);

/* ---- the queue ---- */

/* Appends a range that is warm. Where there is no memory, it stays warm for good. */
void coldset_wait(const struct region *r);

/* Takes out the range that has waited longest. NULL: there is none. */
struct region *coldset_next(void);

size_t coldset_waiting(void);

/* Returns the range that has waited i-longest, or NULL if that one waits no more. i is less than
 * coldset_waiting(). */
struct region *coldset_waiter(size_t i);

#endif
