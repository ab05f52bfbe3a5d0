/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * reserve: the last VMAs below the limit are not for files.
 *
 * At the limit any part of the program may fail for want of a VMA: a thread's stack, a guard page,
 * a commit of the JVM's heap. So when only MAPHERD_RESERVE VMAs are left, new mappings of files get
 * the error that the kernel would return a little later, ENOMEM. FileChannel.map then collects
 * garbage, which unmaps dropped buffers, and tries once more (JDK: FileChannelImpl.mapInternal).
 *
 * Each such collection is a full one, and FileChannel.map tries only once more: a second ENOMEM, or
 * any other error, is an exception. So of several threads that are refused only one gets ENOMEM, to
 * collect. The others wait here for what the collection unmaps, and so does the second try. A JVM
 * collects while they wait, because a thread in a native method does not delay a safepoint. The
 * next thread gets ENOMEM when the last collection has unmapped all that it could, or three seconds
 * later. A thread waits for ten seconds at most, and for five where nothing is unmapped; then it
 * gets ENOMEM, as it would at the limit.
 */
#ifndef MAPHERD_RESERVE_H
#define MAPHERD_RESERVE_H

#include <stddef.h>

/*
 * Returns 0 if len bytes of a file may be mapped, or -ENOMEM. In a JVM it may sleep, see above, so
 * the caller holds no lock. Logs one line a minute. Thread-safe; in a signal handler that has
 * interrupted it on the same thread it does not sleep.
 */
long reserve_answer(size_t len);

/* Forgets the parent's threads and frees the lock, in a forked child. */
void reserve_after_fork(void);

#endif
