/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldturns: which mappings become cold, and when.
 *
 * The one that was made warm first is the next, unless it is in use, or was needed again soon after
 * the last time. Mappings beside it that are as old go with it, in one call.
 *
 * The page tables tell whether a mapping is in use. In the middle of the queue its pages are taken
 * out of them (MADV_DONTNEED; the pages stay in the page cache). At its turn those are there again
 * that were accessed meanwhile.
 *
 * What the kernel has addresses of (kernel/refs.h) is in use too. That is asked once in a turn,
 * which makes 32 mappings cold, or up to 128 where thousands are warm. After a turn in vain the
 * next one waits for a while.
 *
 * Every function needs the lock of coldset.h.
 */
#ifndef MAPHERD_COLDTURNS_H
#define MAPHERD_COLDTURNS_H

#include <stdbool.h>
#include <stdint.h>

struct region;

/* A fault makes none of the mappings cold that were made warm by the last COLD_YOUNG warmings: one
 * instruction may need several at once. */
#define COLD_YOUNG 16

/* OVER: no mapping becomes cold any more. */
enum cold_state { COLD_NEVER, COLD_READY, COLD_BEGUN, COLD_OVER };
extern enum cold_state cold_state;

extern long cold_refused; /* what the kernel has refused first, as -errno; or 0 */

/* Mappings may become cold from now on. handler: the library's, of SIGBUS. */
void turns_start(uintptr_t handler);

/* No mapping becomes cold from now on. */
void turns_end(void);

/* True if mappings are to become cold. */
bool turns_wanted(void);

/* True if they are, and it is time to try. */
bool turns_due(void);

/* Makes some mappings cold, at least most where so many can be, and returns how many. Spares those
 * that were made warm by the last `young` warmings. */
unsigned turns_cool(unsigned most, uint64_t young);

/* Makes a range warm. False: it cannot be mapped again. */
bool turns_warm(struct region *r);
void turns_warm_all(uintptr_t start, uintptr_t end);

/* The range is new: its turn is the last. */
void turns_begin(struct region *r);

/* ---- the calls that are using a range ---- */

/* What lies in the range does not become cold until turns_end_use by the same thread. Returns
 * false if the calls of too many threads are noted. */
bool turns_begin_use(uintptr_t start, uintptr_t end);
void turns_end_use(uintptr_t start, uintptr_t end);
bool turns_any_use(void);
/* In a forked child: the threads that used something are its parent's. */
void turns_forget_uses(void);

#endif
