/*
 * rowcache: the rows of the pcs that were met last, for all threads.
 *
 * A row costs a search and the running of a small program (0.3 us); the pcs that map memory are few,
 * and come again. Each slot has a number that is odd while it is written: who meets that, or the
 * number changed, has met nothing. So nobody waits, and a signal handler, or the child of a fork,
 * that interrupts a writer only loses one slot for that time.
 * Thread- and async-signal-safe.
 */
#ifndef MAPHERD_ROWCACHE_H
#define MAPHERD_ROWCACHE_H

#include "unwind/cfi.h"

/* As cfi_find, and remembers. */
void rowcache_find(const struct module *m, uintptr_t pc, struct cfi_row *row);

#endif
