/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * call: what the calls of the engine have in common: their arguments, their beginning and their
 * end.
 *
 * Every call that passed the gate (gate.h) ends with call_end, call_end_of or call_settle_due. A
 * call that changes a range in place (mprotect, madvise, mlock) also has call_begin_change before
 * the system call and call_end_change after it: between the two, the model joins nothing with the
 * range.
 *
 * The caller of any of these functions holds no lock. All are thread-safe and, as far as the
 * kernel's own calls are, async-signal-safe. None changes errno. Addresses and lengths are in
 * bytes.
 */
#ifndef MAPHERD_CALL_H
#define MAPHERD_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit/explain.h"

/* top: an address at the upper end of the main thread's stack, or 0. For the constructor. */
void call_start(uintptr_t top);

/*
 * Sets *end to the end of the range, rounded up to a page. False for a range that the kernel
 * refuses without changing anything: addr is not page-aligned, len is 0, or the end is beyond the
 * address space.
 */
bool call_is_valid(uintptr_t addr, size_t len, uintptr_t *end);

/*
 * Before a call of the program that names this range, which may be unaligned. For the program, what
 * is retained there (herd/retention.h) is free: it is unmapped first, so that the kernel answers
 * the call as it does without mapherd. False: the map limit does not allow that; the call has to
 * fail as it does where nothing is mapped.
 */
bool call_vacate(uintptr_t addr, size_t len);

/* As call_vacate, for a range of whole pages, and without looking first whether anything is
 * retained: where another thread is unmapping a part of the range, it waits for that. */
bool call_give_back(uintptr_t start, uintptr_t end);

/* Marks the range in the model as being changed, and sets *end as call_is_valid does. False: the
 * call passes through to the kernel, and call_end_change is not to be called. */
bool call_begin_change(uintptr_t addr, size_t len, uintptr_t *end);

/*
 * answer: the kernel's. Where it is 0, the regions of the range lose the flags clear and get the
 * flags set (space/regions.h). Where the kernel has refused the call with another error than
 * EINVAL, it may have changed a part of the range: then the regions become REGION_FOREIGN.
 */
void call_end_change(uintptr_t addr, uintptr_t end, long answer, uint32_t clear, uint32_t set);

/* After a call_end_change where nothing has changed in the end: joins the regions that are one
 * VMA. */
void call_settle(uintptr_t addr, uintptr_t end);

/* Makes the guard markers of the range plain guards (PROT_NONE), before a call that would not
 * keep them, or that answers otherwise over them. At no moment is there access to the pages. */
void call_make_guards_plain(uintptr_t start, uintptr_t end);

/* The kernel has just refused a call. True if the map limit is why, and mapherd may do something
 * about it (not with MAPHERD_MODE=observe). */
bool call_may_relieve(void);

/* Whether mlockall(MCL_FUTURE) is in force, as the hooks have seen it. */
bool call_locks_future(void);
void call_lock_future(bool on);

/* The end of a call that has not failed: does what is due (returns pages and retained ranges,
 * closes files, scans, updates the metrics and the record). Where sites are redirected, it waits
 * for a call on a stack that is known to have room, and a failure is explained only there. */
void call_settle_due(void);

/* The end of any call: explains the failure if there is one (limit/explain.h), does what is due,
 * and returns call->error, which is the answer to the program: an error, 0 or a value. */
long call_end_of(const struct failed_call *call);

/* As call_end_of, for a call without protection and flags. what: the name of the hook. */
long call_end(long answer, const char *what, size_t len);

#endif
