/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * taken: a range that a call unmaps, replaces or moves.
 *
 * munmap, MAP_FIXED, mremap and shmat with SHM_REMAP all go the same way. What the library knows of
 * the range is taken out first: its regions (space/regions.h), its guards (herd/guards.h), those of
 * its mappings that may be cold (limit/cold.h), and its recorded mappings (trace/leaks.h). Then the
 * kernel gets the call, and no lock is held: what another thread makes in the range meanwhile is
 * not mixed with what was there. When the kernel has answered, exactly one of the ends below drops
 * what was taken out or puts it back.
 *
 * The upper bound (space/count.h) follows: taken_begin counts what the call adds and removes, and
 * taken_stays takes that back. A move is counted when it has been made.
 *
 * The caller holds no lock; the functions take the model lock and others after it. They are
 * thread-safe. In a signal handler that has interrupted the owner of the model lock, the model
 * forgets the range, and only the recorded mappings are taken.
 */
#ifndef MAPHERD_TAKEN_H
#define MAPHERD_TAKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/regions.h"
#include "trace/ledger.h"

/* All is the functions' own but for start, end and seen. */
struct taken {
    uintptr_t start, end; /* whole pages */
    bool seen;            /* the model lock was there to be had */
    bool goes;            /* it is counted as gone */
    bool under_way;       /* count_begin was called */
    bool is_one;          /* one is all that the model had; else regions is */
    bool fewer;           /* without the range there is a VMA less */
    struct region one;
    struct region *regions;
    struct region *guards, *guards_cut; /* guards_cut: of what an mremap cuts off */
    struct region *cold;                /* of those that may be cold (limit/cold.h) */
    ledger_chain mappings;
};

/* Takes out what is known of [start, end), before a call that unmaps or replaces it. */
void taken_begin(struct taken *t, uintptr_t start, uintptr_t end);

/* The same, before a call that moves the range, of which new_len bytes are left. */
void taken_begin_move(struct taken *t, uintptr_t start, uintptr_t end, size_t new_len);

/* Nothing of the range is left. */
void taken_gone(struct taken *t);

/* The call has failed. What the kernel still has of the range is put back: it is asked for each
 * region, because a call that fails may have unmapped a part. */
void taken_stays(struct taken *t);

/* munmap has failed at the map limit. Retains the range instead (herd/retention.h) if that can be:
 * true. After false one of the other ends is still to come. */
bool taken_is_retained(struct taken *t);

/* The first new_len bytes are at to now. More than the range had: it has grown. */
void taken_moved(struct taken *t, uintptr_t to, size_t new_len);

/* The range stays, and its pages are at to now (MREMAP_DONTUNMAP), or can be seen there too. */
void taken_left_behind(struct taken *t, uintptr_t to);

#endif
