/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * refs: addresses in the memory of this process that the kernel has, and is going to use.
 *
 * Of a thread that sleeps in a system call they are the arguments of the call: the word of a futex,
 * or a buffer. The kernel uses them when the call goes on, and also when it begins anew after a
 * signal or a stop. A word of a futex that it cannot read then ends the process (glibc's
 * futex_fatal_error).
 *
 * Of any thread they are the robust mutexes that it holds (get_robust_list(2)). When the thread
 * ends, the kernel goes through the list of them and marks each, so that the next owner learns of
 * the end (kernel/futex/core.c, exit_robust_list). At an address that it cannot read it stops,
 * without an error to anyone.
 */
#ifndef MAPHERD_REFS_H
#define MAPHERD_REFS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Calls found for each such address of all threads: of robust mutexes, and with asleep of the six
 * arguments of each sleeping call, of which some are no addresses. Where the memory of a list
 * cannot be read, its last address is the one that cannot be.
 *
 * task: a descriptor of /proc/self/task, whose position changes. Returns 0, or -errno if not all
 * threads could be asked. Async-signal-safe; needs about 3 KiB of stack. Opens a descriptor for a
 * moment for each thread, so it is for a thread with a table of its own (keepers.h).
 */
long refs_each(int task, bool asleep, void (*found)(uintptr_t addr, void *context), void *context);

#endif
