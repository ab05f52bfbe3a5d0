/*
 * watch: the kernel says when a file was written or has another length.
 *
 * By inotify(7), with a SIGBUS for each event (F_SETSIG, fcntl(2)): ftruncate, write, fallocate and their
 * kin queue it before they return, whoever calls them, on this machine. A thread of this process that
 * runs meanwhile is interrupted a moment later; changes by other machines (NFS, FUSE) are not told.
 * One descriptor from the first file on, at 512 or above where the limit allows: to close one takes the
 * kernel milliseconds, and seconds on a busy machine. Overlay lock held; async-signal-safe.
 */
#ifndef MAPHERD_WATCH_H
#define MAPHERD_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Watches the file that path leads to, if it is this one: the number of the watch, which is one a file; or
 * -errno, -ESTALE if it is another. */
long watch_file(const char *path, dev_t dev, uint64_t ino);

/* Nobody needs that watch any more. */
void watch_forget(long watch);

/* This SIGBUS says that a watched file has changed, or one that was watched until a moment ago. Needs no lock, nor do the next two. */
bool watch_signal(const siginfo_t *info);

/* It interrupted the owner of the overlay lock, who has to look: it comes again when the lock is free. */
void watch_missed(const siginfo_t *info);
void watch_again(void);

/* Before the files are looked at: what happens from here on is told anew. */
void watch_heard(void);

/* No signal is sent any more. For good. */
void watch_silence(void);

/* In a forked child, whose descriptor tells the parent: nothing is watched. */
void watch_forked(void);

#endif
