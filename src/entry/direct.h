/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * direct: libc's syscall, and the calls that announce a seccomp filter.
 *
 * The hook of syscall is written in assembly in direct.c: it is the one name of libc that hooks.c
 * does not define.
 */
#ifndef MAPHERD_DIRECT_H
#define MAPHERD_DIRECT_H

#include <stdbool.h>

#include "sites/stubs.h"

/* Looks up the next syscall in the chain. For the constructor. Earlier, the hook makes the
 * system call itself. */
void direct_resolve(void);

/*
 * prctl(2): returns as the kernel does, a value or -errno. Before a call that announces a seccomp
 * filter, the library withdraws (engine_enter_sandbox, signals_stop). No lock may be held.
 */
long direct_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

/* enum stubs_use for each number that the library has to know of. */
extern const unsigned char direct_known_numbers[STUBS_NUMBERS]
    __attribute__((visibility("hidden")));

/* Makes the stubs ready. start, end: of libc. A call that comes by one of them does what its hook
 * does, and so does one by the hook of syscall as soon as the forks are seen (gate_sees_forks).
 * False where there are no stubs. For the constructor. */
bool direct_redirect(uintptr_t start, uintptr_t end);

/* The same for the stubs of a Go program, and the calls that the library has to know of there.
 * stacks: as of gostubs_start. */
extern const unsigned char direct_go_numbers[STUBS_NUMBERS];
bool direct_redirect_go(uintptr_t stacks);

#endif
