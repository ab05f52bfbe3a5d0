/*
 * rowcache: the CFI rows of the pcs that were looked up last, for all threads.
 *
 * A row takes a search and a run of a small program (0.3 us). The pcs that map memory are few, and
 * occur again. Each slot has a number that is odd while the slot is written. A reader that finds it
 * odd, or changed, takes the slot for empty. So no thread waits. Where a signal handler interrupts
 * a writer, or a fork happens meanwhile, one slot cannot be used until the write ends. Thread- and
 * async-signal-safe.
 */
#ifndef MAPHERD_ROWCACHE_H
#define MAPHERD_ROWCACHE_H

#include "unwind/cfi.h"

/* Finds the row of a pc as cfi_find does, in the cache if it is there, and keeps it. */
void rowcache_find(const struct module *m, uintptr_t pc, struct cfi_row *row);

#endif
