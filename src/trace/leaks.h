/*
 * leaks: records who mapped what, while somebody wants to know (MAPHERD_LEAKS, `mapherd leaks
 * --start`).
 *
 * What a call is about leaves the record before the kernel is asked and enters it afterwards, as in
 * the model (model.h): so of two threads at one address the record has the one that has it. All are
 * thread- and async-signal-safe: in a handler that interrupted the record's own change, what is
 * mapped is counted as lost. None allocates. A walk up the stack needs about 2.5 KiB of it.
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

/* Mappings are being recorded: a load. */
static inline bool leaks_on(void)
{
    return __atomic_load_n(&leaks_live, __ATOMIC_RELAXED);
}

/* There is a record: mappings are recorded in it from now on, or no more. */
void leaks_start_or_stop(enum mapherd_record_wanted wanted);
static inline void leaks_set(enum mapherd_record_wanted wanted)
{
    if (wanted != MAPHERD_WANTED_NOTHING)
        leaks_start_or_stop(wanted);
}

/* In a forked child: they are not, until it has a record. */
void leaks_after_fork(void);

/* A call is about to unmap or replace [start, end). */
ledger_chain leaks_leave(uintptr_t start, uintptr_t end);

/* It has. */
void leaks_left(ledger_chain chain);

/* It has not, or has moved it: what was old_len bytes at start is new_len bytes at to. */
void leaks_stay(ledger_chain chain, uintptr_t start, size_t old_len, uintptr_t to, size_t new_len);

/* The program has mapped len bytes at start, as asked. */
void leaks_mapped(uintptr_t start, size_t len, struct map_request *q);

/* mremap has made a mapping of len bytes at start, of what is at from; from is 0 where it holds
 * nothing. */
void leaks_copied(uintptr_t start, size_t len, uintptr_t from);

/*
 * How Java frames are found: gives elements of FRAME, innermost first, at most max, and makes *n
 * how many of the native frames are their callees. Called without a lock. It uses the two below.
 */
typedef size_t leaks_java(const uintptr_t *pcs, size_t *n, uint32_t *frames, size_t max);
void leaks_ask_java(leaks_java *java);

/* stacks.h's, with the lock. */
uint32_t leaks_find_frame(uint64_t method, int32_t location);
uint32_t leaks_add_frame(const struct java_frame *f);

#endif
