/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldswitch: what is done to the kernel's list of VMAs when mappings become cold, and warm again.
 *
 * A part of the placeholder takes the place of the mappings, or the file that of a part of the
 * placeholder. A keeper does it (kernel/keepers.h), because it has the files. The kernel is asked
 * first what lies there (PROCMAP_QUERY): a function found by handle, or a raw system call, may have
 * unmapped a range, and something else may be there by now.
 *
 * Unless it says otherwise, a function needs the lock of coldset.h.
 */
#ifndef MAPHERD_COLDSWITCH_H
#define MAPHERD_COLDSWITCH_H

#include <stdbool.h>
#include <stdint.h>

struct held;
struct region;

#define COLD_BATCH 32 /* mappings that one call makes cold at most */

/* What the kernel is to show in a range before the placeholder is mapped there. */
struct expected {
    uintptr_t start, end;
    uint64_t offset;
    uint32_t kind;
    const struct held *of;
};

/* Neighbours that become cold in one call of mmap. */
struct span {
    unsigned from, count; /* its ranges among the expected ones */
    unsigned turn;        /* the one whose turn it is: it becomes cold, with the others or alone */
    long answer;          /* see coldswitch_cover */
    uintptr_t wrong;      /* the start of a range in which the kernel shows something else */
};

/* What a keeper is asked at once. It has 3 KiB, and a handler of the program may have few: so it is
 * not on the stack. */
struct switched {
    unsigned count, spans;
    unsigned used; /* one bit for each range: see the functions */
    struct expected expected[COLD_BATCH];
    struct span span[COLD_BATCH];
};
_Static_assert(COLD_BATCH <= 32, "used has a bit for each");

/* Adds a range. */
void coldswitch_expect(struct switched *s, const struct region *r);

/* Makes the placeholder, if there is none yet. Returns 0 or -errno. */
long coldswitch_start(void);

/* Before a fork: the child gets the placeholder's open file too. */
void coldswitch_bequeath(void);

/* In a forked child in which nothing is cold: it makes a placeholder of its own, and needs nothing
 * of its parent. */
void coldswitch_forget(void);

/*
 * Maps the placeholder over each span, or over the one range in it whose turn it is, if only others
 * were accessed since they are watched: then the span is that range. Sets used to the accessed
 * ones. The answer of a span is negative if nothing of it was changed: -ESTALE with wrong set;
 * -EAGAIN where its turn's range was accessed; or an error of the kernel. Returns 0, or an error of
 * the keeper: then no span has an answer.
 */
long coldswitch_cover(struct switched *s);

/* Takes the pages of each range out of the page tables. They stay in the page cache, with what was
 * stored to them; the next access enters them again. Sets used to those where that was done. */
void coldswitch_watch(struct switched *s);

/*
 * Under a seccomp filter that the process was started with: true if a child has survived what this
 * file and the keepers do. Makes the child if that is not known yet, and if it may (kernel/trial.h,
 * at_once likewise). Without a filter it costs one load. Needs no lock.
 */
bool coldswitch_passes(bool at_once);

/* Lets the keeper open the file of h itself, with the flags of the open file that it holds, and
 * hold the new one in its place. Returns 0 or -errno, and then the keeper holds what it held. */
long coldswitch_open_anew(const struct held *h);

/*
 * Calls found for each range of the coldset that the kernel has an address of (kernel/refs.h), once
 * or more, on the keeper's thread. asleep: for those of sleeping calls too, and not for those of
 * robust mutexes alone. Returns 0; or an error of the keeper or of refs_each, -EACCES if the
 * process is not dumpable.
 */
long coldswitch_refs(void (*found)(struct region *r), bool asleep);

/*
 * Maps the file of a cold range where the placeholder is. *odd: a call that no hook saw has
 * unmapped or replaced a part of the range, or has changed its protection, which is then the one of
 * the mapping. Returns 0; -ESTALE if the placeholder is nowhere in the range; or an error.
 */
long coldswitch_map(const struct region *r, bool *odd);

#endif
