/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * javastack: the Java frames of a thread that maps something in a native method.
 *
 * The calling thread asks the JVM by JVMTI, without an agent. GetStackTrace takes 2 to 6 us. Each
 * method is asked for its name once; stacks.h keeps the names.
 *
 * The JVM is asked only if the native frames lead from the hook to Java code through a native
 * library, and none of them belongs to libjvm.so, to libc, to the allocator, or to a signal
 * handler. libc's mmap itself, where it was called past the hooks, does not count.
 * - a thread that is inside the JVM must not call it (the JVMTI specification);
 * - the JVM allocates for its answer, and libc or the allocator may hold a lock while it maps;
 * - a signal handler may have interrupted Java code, or the JVM.
 */
#ifndef MAPHERD_JAVASTACK_H
#define MAPHERD_JAVASTACK_H

#include <stddef.h>
#include <stdint.h>

/* Finds the allocator. The constructor calls it once, before the first javastack_take. */
void javastack_start(void);

/*
 * Finds the Java frames of the calling thread.
 * pcs: *n native frames, innermost first, as unwind.h gives them. Writes at most max element
 * numbers of FRAME to frames and returns how many. Where it returns more than 0, *n becomes the
 * number of native frames before the Java code begins. Returns 0 where the JVM must not be asked,
 * or has no answer.
 *
 * The caller holds no lock, because the JVM may keep the thread waiting at a safepoint. errno stays
 * as it was. Thread-safe; in a signal handler it returns 0.
 */
size_t javastack_take(const uintptr_t *pcs, size_t *n, uint32_t *frames, size_t max);

#endif
