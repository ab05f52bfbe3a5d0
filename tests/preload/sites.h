/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sites: libc's functions past every symbol.
 */
#ifndef TESTS_SITES_H
#define TESTS_SITES_H

#include <stddef.h>
#include <sys/types.h>

/* libc's own, by a handle: no other library's, and no hook. */
extern struct past {
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    int (*munmap)(void *, size_t);
    int (*mprotect)(void *, size_t, int);
    int (*madvise)(void *, size_t, int);
    int (*posix_madvise)(void *, size_t, int);
    void *(*mremap)(void *, size_t, size_t, int, ...);
    int (*mlock)(const void *, size_t);
    int (*munlock)(const void *, size_t);
    int (*mincore)(void *, size_t, unsigned char *);
    int (*pkey_mprotect)(void *, size_t, int, int);
    pid_t (*fork)(void);
    pid_t (*_Fork)(void);
    long (*syscall)(long, ...);
} past;
void find_past(void);

/* How many calls the library has seen so far; -1: it is not in the process. */
long seen_calls(void);

/* The scenes of the other files. Each ends the program where something is wrong. */
void play_registers(void);
void play_steps(void);
void play_unwind(void);
void play_stack(void);
void play_bytes(void);
void play_forks(void);
void play_cancel(void);

#endif
