/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * overlays: VMAs that lie over parts of the program's file mappings.
 *
 * When a fault is answered, an overlay takes the place of a part of the file's mapping: pages of
 * the spill file (disk/spill.h), or zeros (disk/zeros.h). The file stays reachable through an
 * alias, a second mapping of it (mremap with old_size 0), so that it can be put back even after the
 * program has closed or unlinked it. The region of a range (space/regions.h) has the number of its
 * overlay.
 *
 * overlay_lock is held while an overlay is made or removed, and over the I/O for that. A thread
 * that faults meanwhile waits for the lock in its handler and then tries its instruction again. The
 * lock comes before the model lock (kernel/lock.h). A range that is being switched is claimed:
 * calls of the program that would change it wait (gate_take).
 *
 * Unless a function says otherwise, its caller holds overlay_lock and not the model lock, which the
 * function may take. All functions are async-signal-safe.
 */
#ifndef MAPHERD_OVERLAYS_H
#define MAPHERD_OVERLAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/lock.h"
#include "kernel/newer.h"

#define OVERLAYS_MAX 250 /* the number of an overlay is a byte in its region */
#define PLACES_MAX 16384 /* places that are switched in one step */

enum overlay_kind { OVERLAY_FREE, OVERLAY_SPILL, OVERLAY_ZEROS };

/* Files of two subvolumes of a btrfs may have the same dev and ino. Their st_dev differs. */
struct overlaid_file {
    uint64_t dev, ino; /* as /proc/self/maps shows them */
    dev_t st_dev;      /* the device as stat shows it; 0: not known */
};

/* True if nothing that is known tells the two files apart. */
static inline bool overlaid_alike(const struct overlaid_file *a, const struct overlaid_file *b)
{
    return a->dev == b->dev && a->ino == b->ino &&
           (!a->st_dev || !b->st_dev || a->st_dev == b->st_dev);
}

struct overlay {
    enum overlay_kind kind;
    struct overlaid_file of;
    unsigned keep; /* keeps.h, a reference: proves that no other process uses the file; 0: the
                            user has said so */
    bool told_asked, told_lost, told_conflict; /* these log lines are written */
    uint64_t start, len; /* the part of the file that the alias maps, in bytes */
    uintptr_t alias;     /* 0: there is none, and the file cannot be put back */
    uintptr_t over;      /* OVERLAY_ZEROS: where the alias was */
    int prot;            /* of the alias */
    bool moved;          /* the alias is the private mapping itself, moved out of the way */
    int error;           /* what msync fails with while the overlay lies there */
    unsigned file;       /* OVERLAY_ZEROS: the watch; OVERLAY_SPILL: the spill file's number */
    uint64_t data_at, sums_at; /* OVERLAY_SPILL: offsets in the spill file */
    uint64_t low, high;        /* file offsets between which pages are spilled */
    uint64_t waiting;          /* bytes of these pages, in status.spill_waiting too */
    size_t run;                /* bytes that the next fault switches */
    unsigned pieces;           /* how many runs were switched */
};

/* A range of addresses in which the program maps a file. */
struct place {
    uintptr_t start, end;
    uint64_t offset; /* of start, in the file */
    int prot;
};

/* A page of a file that could not be had, and the VMA in which it lies. */
struct fault_page {
    uintptr_t page;
    struct place map;
    uint64_t at;             /* offset of the page in the file */
    struct overlaid_file of; /* st_dev is 0 if the file's name does not lead to it */
    uint64_t size;           /* of the file, if size_known */
    bool size_known, shared;
    bool dies; /* without mapherd the fault ends the program: it has no handler, or blocks
                            SIGBUS */
    int error; /* what msync of the page fails with */
    const char *path;
    size_t path_len;
};

extern struct lock overlay_lock;
extern struct overlay overlays[OVERLAYS_MAX + 1]; /* from 1 on: 0 in a region means none */

/*
 * The lists of the thread that holds overlay_lock. They are memory of their own, from the first
 * overlay on: as static memory they would take a MiB of the address space of every program.
 */
struct overlay_lists {
    struct place places[PLACES_MAX], ranges[PLACES_MAX];
    struct {
        uintptr_t start, end;
    } claims[PLACES_MAX];
};
extern struct overlay_lists *overlay_lists;

/*
 * overlays_take blocks all signals but those of faults, and takes overlay_lock; overlays_drop
 * undoes both. Signals are blocked because a handler of the program that touched a page being
 * switched, or a page without space, would wait for its own thread. overlays_take returns false if
 * this thread has the lock, or the model lock: then a handler has interrupted the owner, which
 * another owner of overlay_lock may be waiting for. The caller holds no lock.
 */
bool overlays_take(void);
void overlays_drop(void);

/* Returns true if there is an overlay. Needs no lock. Inline, because it is asked in each call of
 * the program. */
extern unsigned overlays_in_use;
static inline bool overlays_any(void)
{
    return __atomic_load_n(&overlays_in_use, __ATOMIC_ACQUIRE) != 0;
}

/* Makes an overlay of that kind. Returns its number; -ENFILE if all are in use; -ENOMEM if the
 * kernel has no memory for the lists. */
long overlays_add(enum overlay_kind kind);

/* Frees the overlay, and unmaps its alias. */
void overlays_remove(unsigned overlay);

/* Returns true if an overlay lies over a part of the range. Needs no lock. */
bool overlays_over(uintptr_t start, uintptr_t end);

/* Returns the number of an overlay of this kind that no region has any more; 0: there is none. */
unsigned overlays_unused(enum overlay_kind kind);

/*
 * Finds where the program maps bytes [low, high) of the file shared, by /proc/self/maps. Writes at
 * most max places, each clipped to these bytes. Leaves out aliases, and the place that contains the
 * address besides. Returns how many places it has written, or -errno if the list cannot be read.
 */
long overlays_places(const struct overlaid_file *file, uint64_t low, uint64_t high,
                     uintptr_t besides, struct place *places, unsigned max);

/* Maps the file at the place again, from the alias, with the protection of the place. Returns 0, or
 * -errno of the kernel. -EACCES: the file is there, with the protection of the alias. */
long overlays_put_back(const struct overlay *c, const struct place *place);

/* Returns 0 if the kernel shows the place as it says: this file, offset and protection. Returns
 * -EAGAIN if it does not, or -errno if the kernel cannot be asked. */
long overlays_still(const struct place *place, const struct overlaid_file *file);

/* Counts VMAs that were added (space/count.h). Takes the model lock. */
void overlays_count(long vmas);

/* Claims a range, at most PLACES_MAX of them, until overlays_release. Both need the model lock,
 * too. */
void overlays_claim(uintptr_t start, uintptr_t end);
void overlays_release(void);

/*
 * Claims all ranges that have this overlay, and returns how many. Sets neither offset nor prot of
 * ranges. Claims nothing and returns -EAGAIN if another thread's call is changing one of them, or
 * -E2BIG if there are more than PLACES_MAX.
 */
long overlays_claim_all(unsigned overlay, struct place ranges[PLACES_MAX]);

/* Takes the number of the overlay off the regions of the place. */
void overlays_forget(const struct place *place);

/* Returns true if a part of the range is claimed. Needs the model lock alone. */
bool overlays_claimed_in(uintptr_t start, uintptr_t end);
static inline bool overlays_claimed(uintptr_t start, uintptr_t end)
{
    return overlays_any() && overlays_claimed_in(start, end);
}

/* Waits until no thread switches pages. The caller holds no lock. Returns false at once if this
 * thread has overlay_lock. */
bool overlays_wait(void);

/* What was stored to the page is lost: msync of any mapping of its file in this process is to fail
 * with p->error once (the pending error). */
void overlays_tell_syncs(const struct fault_page *p);

/* Frees overlay_lock and the claims in a forked child. */
void overlays_after_fork(void);

#endif
