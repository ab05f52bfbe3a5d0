/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * A library behind libmapherd.so that breaks msync on purpose: one in three of those that would
 * have reached the kernel says 0 without asking it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int msync(void *addr, size_t len, int flags)
{
    static unsigned calls;
    if (len && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % 3 == 0)
        return 0;
    return (int)syscall(SYS_msync, addr, len, flags);
}
