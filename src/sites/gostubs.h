/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * gostubs: where a redirected system call of a Go program goes (sites/go.h), and the way back.
 *
 * They differ from the stubs of libc's sites (sites/stubs.h) in what Go code expects:
 *
 *   - The stack of a goroutine may have a few hundred bytes left, and is not touched. A stub takes
 *     one of the library's own stacks for the time of the call. Where all are in use, the call is
 *     for the kernel: one that waited could wait for a thread that waits for its own thread.
 *   - The vector registers are as before, too. Go keeps one of them zero.
 *   - Threads that the Go runtime makes without cgo have Go's own thread-local storage: the pointer
 *     to the goroutine (g), and nothing of libraries. Where libc's threads have the address of the
 *     storage (x86-64 psABI), they have 0, which tells them apart. For the time of the call, the
 *     thread pointer leads to storage beside the stack, with a copy of that word: a handler of Go's
 *     that runs meanwhile finds its goroutine. The library's variables of the thread begin there as
 *     in a new thread. A handler that makes a call in the middle of one keeps the storage of that.
 *
 * A call that is not for the function is made by the stub itself, without a stack.
 *
 * The walk of an unwinder continues at the site, in Go's function.
 *
 * On other machines than x86-64 there are none.
 */
#ifndef MAPHERD_GOSTUBS_H
#define MAPHERD_GOSTUBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sites/site.h"
#include "sites/stubs.h"

/* Bytes of memory that the stacks need, aligned to GOSTUBS_EACH. What is not used costs nothing. */
#define GOSTUBS_EACH (64UL << 10)
#define GOSTUBS_BYTES (256 * GOSTUBS_EACH)

/*
 * As stubs_start. caller is 0 for the function. stacks: the memory, zeroed. False where there are
 * no stubs: on other machines, and where the kernel or the processor does not have the instructions
 * for the thread pointer (FSGSBASE, Linux 5.9). The calls of threads with Go's own storage are for
 * the kernel where the loader has put the library's thread-local variables far from the thread
 * pointer, and where another library has brought a libc along. For the constructor, in the main
 * thread, which has the loader's storage still.
 */
bool gostubs_start(const unsigned char *use, uint32_t shares, stubs_function *function,
                   uintptr_t stacks);

/* As stubs_take. There are several for SITE_ANY. */
uintptr_t gostubs_take(const struct site *s);

/* Whether the address is on one of the stacks. They have room for all that the library does. */
bool gostubs_is_stack(uintptr_t at);

#endif
