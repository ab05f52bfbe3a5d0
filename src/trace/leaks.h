/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * leaks: records which mappings the program has made, and from where, while that is wanted
 * (MAPHERD_LEAKS, `mapherd leaks --start`).
 *
 * A range leaves the record before the kernel is asked to unmap it, and enters the record after the
 * kernel has mapped it, as in the model (model.h). So if two threads get the same address one after
 * the other, the record ends with the mapping of the second.
 *
 * Addresses and lengths are in bytes; the ranges start at page boundaries. Every function is
 * thread- and async-signal-safe, leaves errno alone and allocates nothing. Each takes record_lock
 * itself, but for leaks_on and leaks_after_fork. In a signal handler that interrupted the owner of
 * record_lock a function does nothing, and the mapping is counted as lost (head.lost, record.h).
 * Where nothing is being recorded, the functions do nothing. leaks_mapped and leaks_copied need
 * about 2.5 KiB of stack.
 */
#ifndef MAPHERD_LEAKS_H
#define MAPHERD_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/request.h"
#include "trace/ledger.h"
#include "trace/stacks.h"

extern int leaks_live;

/* Whether mappings are being recorded. Costs one load. */
static inline bool leaks_on(void)
{
    return __atomic_load_n(&leaks_live, __ATOMIC_RELAXED);
}

/*
 * MAPHERD_WANTED_START: mappings are recorded from now on, if there is a record and they are not
 * already. MAPHERD_WANTED_STOP: they are recorded no longer, and those in the record are removed.
 */
void leaks_start_or_stop(enum mapherd_record_wanted wanted);

/* The common case, MAPHERD_WANTED_NOTHING, costs no call. */
static inline void leaks_set(enum mapherd_record_wanted wanted)
{
    if (wanted != MAPHERD_WANTED_NOTHING)
        leaks_start_or_stop(wanted);
}

/* In a forked child: mappings are not recorded until the child has a record of its own. No lock
 * needed. */
void leaks_after_fork(void);

/* Before a call that unmaps, replaces or moves [start, end): takes what the record has there
 * out. Returns what was taken out, for leaks_left or leaks_stay; 0 if it is nothing. */
ledger_chain leaks_leave(uintptr_t start, uintptr_t end);

/* After that call has unmapped or replaced the range: drops what leaks_leave took out. chain may
 * be 0. */
void leaks_left(ledger_chain chain);

/* After that call has failed, or has moved the range: puts back what leaks_leave took out. The
 * old_len bytes at start are now new_len bytes at to. chain may be 0. */
void leaks_stay(ledger_chain chain, uintptr_t start, size_t old_len, uintptr_t to, size_t new_len);

/* After the program's mmap: records the new mapping of len bytes at start with its call stack.
 * q: the request, which is asked for its file. */
void leaks_mapped(uintptr_t start, size_t len, struct map_request *q);

/*
 * After an mremap that left the old range in place: records the new mapping of len bytes at start.
 * It is a mapping of the same file or memory as the one at from (old_len 0), or, with from 0, of
 * anonymous memory (MREMAP_DONTUNMAP).
 */
void leaks_copied(uintptr_t start, size_t len, uintptr_t from);

#endif
