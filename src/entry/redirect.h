/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * redirect: the calls that pass no hook, because libc makes them itself or the program has found
 * libc's function past the hooks: by a handle (ctypes, JNA), by Java's foreign functions, or in a
 * library that was loaded with RTLD_DEEPBIND.
 *
 * The sites of such calls in libc (sites/site.h) are redirected to the engine: mmap, munmap,
 * mremap, mprotect and what is like them, syscall, and the clone of fork. Not msync, which is a
 * cancellation point: it stays a hook.
 *
 * Go code makes its system calls itself. Of a Go program that the loader starts, the sites are
 * redirected in the same way (sites/go.h).
 */
#ifndef MAPHERD_REDIRECT_H
#define MAPHERD_REDIRECT_H

#include <stdbool.h>

/* False with MAPHERD_SITES=off, in other modes than `protect`, and under valgrind and sanitizers.
 */
bool redirect_may(void);

/*
 * Redirects the sites of libc, and of a Go program, that can be redirected, and says in the status
 * how many. It redirects either the fork too or nothing: see gate_forks_by_call. Nothing is
 * redirected where redirect_may is false, where the process is traced or has more than one thread,
 * where libc is not glibc, and where the kernel refuses it. For the constructor, when the engine is
 * ready.
 */
void redirect_start(void);

#endif
