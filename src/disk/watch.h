/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * watch: the kernel tells when a file was written or its length has changed.
 *
 * An inotify(7) descriptor sends a SIGBUS for each event (F_SETSIG, fcntl(2)). ftruncate, write,
 * fallocate and similar calls queue it before they return, in whatever process of this machine they
 * are made. A running thread of this process is interrupted a moment later. Changes that another
 * machine makes (NFS, FUSE), and those of libaio (io_submit), are not told.
 *
 * There is one descriptor, from the first file on, at 512 or above where the limit allows it. It is
 * never closed in between, because that takes the kernel milliseconds, and seconds on a busy
 * machine.
 *
 * Unless a function says otherwise, its caller holds the overlay lock. All are async-signal-safe.
 */
#ifndef MAPHERD_WATCH_H
#define MAPHERD_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Watches the file that path leads to, if that is the file dev, ino. Returns the number of the
 * watch, of which a file has one; -ESTALE if path leads to another file; or another -errno. */
long watch_file(const char *path, dev_t dev, uint64_t ino);

/* Ends that watch. */
void watch_forget(long watch);

/* Returns true if this SIGBUS tells of a watched file, or of one that was watched until a moment
 * ago. Needs no lock. */
bool watch_signal(const siginfo_t *info);

/* watch_missed remembers a signal that has interrupted the owner of the overlay lock; the owner
 * calls it, in the handler. watch_again sends that signal again, when the lock is free. */
void watch_missed(const siginfo_t *info);
void watch_again(void);

/* Reads away the events, before the files are looked at: what happens from here on is told
 * again. */
void watch_drain(void);

/* Stops the signals for good. */
void watch_stop(void);

/* Forgets the descriptor in a forked child: its signals go to the parent. */
void watch_forked(void);

#endif
