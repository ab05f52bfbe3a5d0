/*
 * reach: reading memory that may not be there.
 *
 * A walk up a stack reads where registers and the stack itself point, and these may hold anything.
 * Pages are asked for before they are read, once each in a walk: sys_readable costs 0.12 us, and
 * the calling thread's own stack cannot go away while it runs. Where a broken chain leads into
 * other memory, another thread may unmap that between the question and the read; the span is a few
 * instructions, and no system call closes it but process_vm_readv, which costs four times as much
 * and which filters (systemd's @system-service) punish with death.
 * Thread- and async-signal-safe; no state but the caller's.
 */
#ifndef MAPHERD_REACH_H
#define MAPHERD_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The pages that may be read, [low, high). Zeroed: none yet. */
struct reach {
    uintptr_t low, high;
};

#define REACH_PAGE 4096UL /* the smallest page of both machines; on larger ones it asks more often */

/* The page of an address that the caller knows to be there: its own stack pointer's. */
static inline void reach_own(struct reach *r, uintptr_t at)
{
    r->low = at & -REACH_PAGE;
    r->high = r->low + REACH_PAGE;
}

/* True if [at, at + len) can be read; whole pages around it are remembered. */
bool reach_span(struct reach *r, uintptr_t at, size_t len);

/* The word at an aligned address; false, and *word untouched, where there is none. */
bool reach_word(struct reach *r, uintptr_t at, uintptr_t *word);

#endif
