/*
 * faults: what a SIGBUS was about.
 *
 * Nothing in here waits or allocates, and no part of the model is asked: the kernel's own list of
 * maps says what lies at the address, and the file itself how large it is. Overlay lock held: the
 * working space is one. Little stack: called from a handler.
 */
#ifndef MAPHERD_FAULTS_H
#define MAPHERD_FAULTS_H

#include <signal.h>
#include <stdbool.h>

#include "disk/overlays.h"

enum fault_cause {
    FAULT_PAST_END, /* the file ends before the page, or was truncated under the map */
    FAULT_NO_SPACE, /* a store into a hole, or onto a shared extent, and the disk is full */
    FAULT_OVER_QUOTA,
    FAULT_IO_ERROR,
    FAULT_POISONED, /* BUS_MCEERR: the memory itself is broken */
    FAULT_NO_HUGE_PAGES,
};

struct fault {
    struct fault_page page;
    enum fault_cause cause;
    bool store;  /* a load otherwise */
    bool memory_file; /* tmpfs, memfd, System V: what lies there is shared between processes, and nowhere
                         else; also where the filesystem cannot be told */
};

/* What the faulting instruction did, by the kernel's frame. */
bool faults_was_store(const void *context);

/* The page can be had now: what stood in the way has gone, or another thread has seen to it. */
bool faults_works_now(uintptr_t page, bool store);

/* False where the address is no file's: then it is none of ours. */
bool faults_explain(struct fault *f, const siginfo_t *info, const void *context);

/* One line a run of faults of one kind. unspilled: a clause that begins with ';', or ""; done: what
 * happens now; context: for the stack. */
void faults_report(const struct fault *f, const void *context, bool lost, const char *unspilled,
                   const char *done);

/* Another fault of the kind that was reported last. */
void faults_count_again(void);

#endif
