/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * trial: does the seccomp filter of this process allow calls that the library is about to make?
 *
 * A filter may kill the process for a call that its author did not expect (systemd's
 * SystemCallFilter= does), and only the call itself shows that. So a child process makes the calls
 * first. The filter is one that was in force when the process was started: under one that the
 * program sets later the library makes no such calls. All functions are thread- and
 * async-signal-safe.
 */
#ifndef MAPHERD_TRIAL_H
#define MAPHERD_TRIAL_H

#include <stdbool.h>

struct trial {
    bool (*calls)(void); /* runs in the child: makes the calls; false: they would not work */
    enum { TRIAL_NOT_YET, TRIAL_PASSES, TRIAL_REFUSES } verdict;
};

/* True if the process has a filter (PR_GET_SECCOMP of prctl(2), asked once). */
bool trial_filtered(void);

/* True if there is no filter, or a child has survived the calls. It says nothing of other calls. */
bool trial_passes(const struct trial *t);

/* True if a child did not survive the calls, a call of it was refused, or it could not be made. */
bool trial_refuses(const struct trial *t);

/*
 * True if a trial has yet to be run and may be. The filter may kill the process for the clone that
 * makes the child. So it is made only if the process has threads, which were made by clone too, or
 * with at_once; and not where the child would be the first process of a namespace (unshare(2)).
 */
bool trial_due(const struct trial *t, bool at_once);

/* Runs the trial, for good. Less than 1 KiB of stack, besides what the calls need. The caller
 * prevents that two threads run it at once. */
void trial_run(struct trial *t);

#endif
