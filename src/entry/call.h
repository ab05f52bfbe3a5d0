/*
 * call: what the engine's calls have in common, whatever they ask for.
 *
 * A call that changes a range in place begins with call_begin_change, which marks the range so
 * that the model joins nothing with it until the kernel has answered, and ends with
 * call_end_change. Every call that passed the gate ends with call_end.
 */
#ifndef MAPHERD_CALL_H
#define MAPHERD_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit/explain.h"

/* False for ranges that the kernel will refuse: those change nothing. *end is page-aligned. */
bool call_is_valid(uintptr_t addr, size_t len, uintptr_t *end);

/*
 * The program's call names the range, which may be unaligned. What is retained in it
 * (herd/retained.h) is no memory of the program's: it goes back to the kernel, whose answer is then
 * the one that it gives alone. False: the map limit keeps it; the call is to fail as where nothing is
 * mapped. No lock held.
 */
bool call_vacate(uintptr_t addr, size_t len);

/* The same, of whole pages, and after waiting for what another thread gives back of them. */
bool call_give_back(uintptr_t start, uintptr_t end);

/* False: the call passes through, there is nothing to end. */
bool call_begin_change(uintptr_t addr, size_t len, uintptr_t *end);

/* answer: the kernel's. A change that failed may have been half done: nothing is known of those
 * flags any more. */
void call_end_change(uintptr_t addr, uintptr_t end, long answer, uint32_t clear, uint32_t set);

/* After call_end_change, where nothing has changed in the end: regions that are one VMA are one. */
void call_settle(uintptr_t addr, uintptr_t end);

/* Guards that a call would not carry along are made plain ones first, and stay guards meanwhile. */
void call_make_guards_plain(uintptr_t start, uintptr_t end);

/* A call was refused for want of maps, and more may be done about it than saying so. */
bool call_may_relieve(void);

/* mlockall(MCL_FUTURE) is in force. */
bool call_locks_future(void);
void call_lock_future(bool on);

/* No lock held: says why the call failed, if it did for want of something; buries, gives back,
 * counts. call->error is the answer, whatever it is, and is returned. */
long call_end_of(const struct failed_call *call);

/* The same, for a call without protection and flags. */
long call_end(long answer, const char *what, size_t len);

#endif
