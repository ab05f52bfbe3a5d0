/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * identity: what tells this process from all others, also after its end.
 *
 * Another process may get the same id later, but not with the same start. Every function is thread-
 * and async-signal-safe; identity_started uses about 1 KiB of stack.
 */
#ifndef MAPHERD_IDENTITY_H
#define MAPHERD_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

/* Returns the time of the process's start in clock ticks since boot: field 22 of proc_pid_stat(5).
 * Returns 0 where it cannot be read. execve does not change it. */
uint64_t identity_started(void);

/* Returns the inode number of the process's PID namespace, or 0 where it cannot be read. */
uint64_t identity_pid_space(void);

/* Returns the process's id in the PID namespace that /proc was mounted for, which may be another
 * than its own. Returns -errno where /proc does not show the process. */
long identity_in_proc(void);

/* Reads a small file of /proc into size > 0 bytes, the NUL at the end included. Returns the length,
 * or -errno. */
long identity_text(const char *path, char *text, size_t size);

/* Returns 1 if the file of /proc, which may be of any length, has these words; 0 if not; or -errno.
 * The words are shorter than 256 bytes. */
long identity_text_has(const char *path, const char *words);

#endif
