/*
 * covers: what lies over parts of mapped files.
 *
 * Where a fault was answered, another map lies over the file's own: pages of the spill file, or
 * zeros. The file stays reachable by an alias, a second map of it (mremap with old_size 0), so
 * that it can be put back however the program has closed or unlinked it. Which range has which
 * cover stands in its region.
 *
 * overlay_lock is held by whoever makes or takes away a cover, and over the I/O of it: the threads
 * that fault meanwhile wait for it in their handler, and try again. Before the model lock, never
 * after. A range that is being switched is claimed: calls that would change it wait (gate_take).
 */
#ifndef MAPHERD_OVERLAYS_H
#define MAPHERD_OVERLAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/lock.h"

#define OVERLAYS_MAX 250 /* a number is a byte in its region */
#define PLACES_MAX 1024 /* that are switched in one step */

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum overlay_kind { OVERLAY_FREE, OVERLAY_SPILL, OVERLAY_ZEROS };

struct overlay {
    enum overlay_kind kind;
    uint64_t dev, ino;   /* the file, as the kernel's list of maps shows it */
    dev_t st_dev;        /* as stat does; 0: not known */
    unsigned keep;       /* keeps.h, held: proves that the file is this process's alone; 0: the
                            user has said so */
    bool told_asked, told_lost, told_conflict; /* in the log */
    uint64_t start, len; /* the range of it that the alias maps */
    uintptr_t alias;     /* 0: there is none, and no way back */
    uintptr_t over;      /* OVERLAY_ZEROS: where the alias was */
    int prot;            /* of the alias */
    bool moved;          /* the alias is the private map itself, moved out of the way */
    int error;           /* what msync says as long as it lies there */
    unsigned file;       /* OVERLAY_ZEROS: the watch; OVERLAY_SPILL: the spill file's number */
    uint64_t data_at, sums_at;
    uint64_t low, high;  /* file offsets between which there are pages */
    size_t run;          /* bytes that the next fault covers */
    unsigned pieces;     /* how often it was covered */
};

/* A range that is one map of a file. */
struct place {
    uintptr_t start, end;
    uint64_t offset; /* in the file */
    int prot;
};

/* A page of a file that could not be had, and the map it lies in. */
struct fault_page {
    uintptr_t page;
    struct place map;
    uint64_t at; /* of the page, in the file */
    uint64_t dev, ino;  /* as the kernel's list shows them */
    dev_t st_dev;        /* as stat does; 0 if its name does not lead to it */
    uint64_t size; /* of the file, if size_known */
    bool size_known, shared;
    bool past_end;
    bool dies; /* alone, the program does of this fault: it has no handler, or blocks SIGBUS */
    int error; /* what a caller of msync is to be told */
    const char *path;
    size_t path_len;
};

extern struct lock overlay_lock;
extern struct overlay overlays[OVERLAYS_MAX + 1]; /* from 1 on: 0 in a region means none */

/*
 * overlay_lock, and no signal but a fault's until it is dropped: a handler of the program's that touched
 * a page being switched, or one without space, would wait for its own thread. False where this thread
 * has the lock.
 */
bool overlays_take(void);
void overlays_drop(void);

/* There is one. Without a lock, and at each call of the program: so it is here. */
extern unsigned overlays_in_use;
static inline bool overlays_any(void)
{
    return __atomic_load_n(&overlays_in_use, __ATOMIC_ACQUIRE) != 0;
}

/* A free one, of that kind; 0 if all are in use. Overlay lock held, as for what follows. */
unsigned overlays_add(enum overlay_kind kind);

/* Unmaps the alias. */
void overlays_remove(unsigned overlay);

/* Something of the range is covered. */
bool overlays_over(uintptr_t start, uintptr_t end);

/* Those of a kind that no region has any more; 0: none. */
unsigned overlays_unused(enum overlay_kind kind);

/*
 * All shared maps of this file that show something of [low, high) of it, clipped to that, as the
 * kernel lists them; at most max. That which has the page besides is left out, and what is an alias.
 */
unsigned overlays_places(uint64_t dev, uint64_t ino, uint64_t low, uint64_t high, uintptr_t besides,
                       struct place *places, unsigned max);

/* Puts the file back at a place of a cover, from the alias: the kernel's answer. */
long overlays_put_back(const struct overlay *c, const struct place *place);

/* True if the map at the place is still what it says. */
bool overlays_still(const struct place *place, uint64_t dev, uint64_t ino);

/* Model lock held: the range is being switched, until overlays_release. At most PLACES_MAX. */
void overlays_claim(uintptr_t start, uintptr_t end);
void overlays_release(void);

/* Claims all ranges that have this cover: how many. Where in the file they lie, and how they are protected, is left
 * open. -EAGAIN: another thread's
 * call is changing one of them; -E2BIG: there are more than PLACES_MAX. Nothing is claimed then. */
long overlays_claim_all(unsigned overlay, struct place ranges[PLACES_MAX]);

/* The mark goes; nothing of this cover lies there. */
void overlays_forget(const struct place *place);

bool overlays_claimed_in(uintptr_t start, uintptr_t end);
static inline bool overlays_claimed(uintptr_t start, uintptr_t end)
{
    return overlays_any() && overlays_claimed_in(start, end);
}

/* Waits until nobody is switching. No model lock held; false if this thread is the one. */
bool overlays_wait(void);

/* What was stored to the page is lost: whoever syncs any map of its file is to be told p->error. */
void overlays_tell_syncs(const struct fault_page *p);

/* In a forked child. */
void overlays_after_fork(void);

#endif
