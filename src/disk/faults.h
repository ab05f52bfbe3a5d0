/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * faults: what a SIGBUS was about.
 *
 * No function here waits, allocates memory, or asks the model: /proc/self/maps shows what lies at
 * the address, and the file tells its size. All are called from the handler and use little stack.
 * Unless a function says otherwise, its caller holds the overlay lock, because there is one working
 * space.
 */
#ifndef MAPHERD_FAULTS_H
#define MAPHERD_FAULTS_H

#include <signal.h>
#include <stdbool.h>

#include "disk/overlays.h"

enum fault_cause {
    FAULT_PAST_END, /* the file ends before the page, or was truncated under the mapping */
    FAULT_NO_SPACE, /* a store into a hole, or onto a shared extent, and the disk is full */
    FAULT_OVER_QUOTA,
    FAULT_IO_ERROR,
    FAULT_POISONED, /* BUS_MCEERR: the memory itself is broken */
    FAULT_NO_HUGE_PAGES,
};

struct fault {
    struct fault_page page;
    enum fault_cause cause;
    bool store;       /* a load otherwise */
    bool memory_file; /* tmpfs, memfd, System V, or a filesystem that is not known: the memory is
                         shared between processes and is nowhere else */
};

/* Returns true if the faulting instruction was a store, by the kernel's signal frame. Needs no
 * lock. */
bool faults_was_store(const void *context);

/* Returns true if the page can be had now: the cause has gone, or another thread has treated it.
 * Needs no lock. */
bool faults_works_now(uintptr_t page, bool store);

/* Fills in *f. Returns false if no file is mapped at the address: then the fault is the program's
 * alone. f->page.path is valid until the next call. */
bool faults_explain(struct fault *f, const siginfo_t *info, const void *context);

/*
 * Logs the fault, in one line for a run of faults of one kind. lost: an error, else a warning.
 * unspilled is a clause that begins with ';', or "". done says what happens now; it is a string
 * constant. context is the signal frame, for the call stack.
 */
void faults_report(const struct fault *f, const void *context, bool lost, const char *unspilled,
                   const char *done);

/* Counts one more fault of the kind that was reported last. */
void faults_count_again(void);

#endif
