/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * engine: what mapherd does, and in which order, when the program calls.
 *
 * There is one function for each call of the program. It takes the arguments of the system call of
 * that name, does what mapherd does before and after, and returns as the kernel does: a value, or
 * -errno. errno itself stays as it was. While the gate (gate.h) is closed, the call passes through
 * to the kernel.
 *
 * The caller holds no lock. All functions are thread-safe and, as far as the kernel's own calls
 * are, async-signal-safe: a call from a signal handler that interrupted the library on its own
 * thread goes straight to the kernel, and the model forgets what that call changed. Only
 * engine_msync is a cancellation point. The engine knows no names of libc: hooks.c is one front
 * end, and another is possible.
 */
#ifndef MAPHERD_ENGINE_H
#define MAPHERD_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "space/request.h"

long engine_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset);
/* libc maps for itself, a locale for instance. What it maps of files goes where the kernel puts it,
 * and is never refused, allocated or cold: none of that was made for it. */
long engine_mmap_own(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset);
/* libc changes what it has mapped for itself. A stack that it makes for a thread gets its guard
 * without a split (herd/guards.h). */
long engine_mprotect_own(uintptr_t addr, size_t len, int prot);
long engine_munmap(uintptr_t addr, size_t len);
long engine_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to);
long engine_mprotect(uintptr_t addr, size_t len, int prot);
long engine_pkey_mprotect(uintptr_t addr, size_t len, int prot, int pkey);
long engine_madvise(uintptr_t addr, size_t len, int advice);
long engine_mlock(uintptr_t addr, size_t len);
long engine_mlock2(uintptr_t addr, size_t len, unsigned flags);
long engine_munlock(uintptr_t addr, size_t len);
long engine_mincore(uintptr_t addr, size_t len, unsigned char *vec);
long engine_mlockall(int flags);
long engine_munlockall(void);
long engine_ftruncate(int fd, off_t len);
long engine_truncate(const char *path, off_t len);

/* ask: libc's own fallocate, as in engine_msync. */
typedef long engine_fallocate_ask(int fd, int mode, off_t offset, off_t len);
long engine_fallocate(int fd, int mode, off_t offset, off_t len, engine_fallocate_ask *ask);

/* ask: libc's own msync, which is a cancellation point, in the form of the kernel's answer. When
 * the thread is cancelled in it, no lock is held and nothing is half done. */
typedef long engine_ask(uintptr_t addr, size_t len, int flags);
long engine_msync(uintptr_t addr, size_t len, int flags, engine_ask *ask);

/*
 * Before the process ends: returns spilled pages to their files or keeps them for `mapherd
 * recover`, and ends the record and the metrics. In a vfork child, the parent's memory stays as it
 * is.
 */
void engine_exit(void);

/* The calling thread is about to end by exit(2). True: it has to end the process instead, by
 * exit_group(2). */
bool engine_thread_ends(void);

/* The exit status to end with, where the program asks for this one. It differs where zeros were
 * laid over a file and the program would report success (disk/zeros.h). */
int engine_status(int status);

long engine_shmat(int id, uintptr_t addr, int flags);
long engine_flock(int fd, int operation);
/* Before a call that sets a limit of a process, perhaps of this one. set: the program's struct
 * rlimit, or NULL. */
void engine_limits(long pid, int resource, const void *set);
/* set and before point to the program's struct rlimit; either may be NULL. */
long engine_prlimit(long pid, int resource, const void *set, void *before);

/*
 * Whether a call announces a seccomp filter. Such a filter is made for the calls that the program
 * makes itself, and may kill the process for others, such as the library's. engine_sandboxes is for
 * prctl(2): libseccomp sets no_new_privs by it, and then the filter by a system call of its own.
 * engine_filters is for seccomp(2); without a filter, that call only asks what the kernel can do.
 * Both are false in a vfork child.
 */
bool engine_sandboxes(int option, unsigned long a);
bool engine_filters(unsigned long operation, unsigned long filter);

/* Before a call that announces a filter: gives back what the library holds of the program's
 * files and memory, ends the record and the log, and closes the gate for good. */
void engine_enter_sandbox(void);

#endif
