/*
 * robust: the robust mutexes that threads of this process hold.
 *
 * Each thread has a list of them in the process's memory (get_robust_list(2)). When the thread
 * ends, the kernel goes through it and marks each mutex, so that the next owner learns of the end
 * (kernel/futex/core.c, exit_robust_list). At an address that it cannot read it stops, without an
 * error to anyone.
 */
#ifndef MAPHERD_ROBUST_H
#define MAPHERD_ROBUST_H

#include <stdint.h>

/*
 * Calls found for each address that the kernel reads or writes in the lists of all threads. Where
 * the memory of a list cannot be read, its last address is the one that cannot be. Returns 0, or
 * -errno if not all threads could be asked. Thread- and async-signal-safe; needs about 2.5 KiB of
 * stack. Opens a descriptor for a moment, so it is for a thread with a table of its own
 * (keepers.h).
 */
long robust_each(void (*found)(uintptr_t addr, void *context), void *context);

#endif
