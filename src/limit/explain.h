/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * explain: why a call got ENOMEM or EAGAIN, in one line of the log.
 *
 * The kernel has one error for many causes. They are told apart right after the failure, in the
 * order in which mmap comes upon them: the map limit (kernel/canary.h), the address space,
 * RLIMIT_MEMLOCK, a hole in the range, RLIMIT_AS, RLIMIT_DATA, overcommit, the pool of huge pages,
 * and the spare VMAs that a move needs. A cause is named only if the kernel confirms it when it is
 * asked in a way that changes nothing, or if its own numbers do not allow the call. Otherwise the
 * line says "cause not known", at debug level. A line names the numbers, their source, and the
 * command that raises the limit. Each cause is logged once a minute at most.
 */
#ifndef MAPHERD_EXPLAIN_H
#define MAPHERD_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct failed_call {
    const char *name; /* of the hook: "mmap" */
    long error; /* -ENOMEM, -EAGAIN, -EPERM; 0: the kernel refused a split, and mapherd has done
                         what was asked without one */
    size_t len; /* in bytes; for mremap, what it would have added */
    int prot, flags; /* 0 if the call has none */
    uintptr_t addr;  /* where the range begins, or mmap's hint; 0 if that does not matter */
    bool own;        /* by libc, for itself: programs try how much memory malloc has. Only a call at
                        the map limit is explained. */
};

/*
 * Explains the failure, at the end of the call. Makes no mapping and allocates no memory. Reads
 * small files of /proc, at most a few dozen times a second however often calls fail; scans
 * /proc/self/maps at most once a minute, for a number that a line names. Does not change errno. The
 * caller holds no lock; thread- and async-signal-safe; uses less than 4 KiB of stack, most of it
 * the log's.
 */
void explain_failure(const struct failed_call *call);

#endif
