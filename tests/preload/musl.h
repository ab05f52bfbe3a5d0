/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * musl: what musl does not have of the functions that the programs of the preload suite call. Each
 * is made of functions that it has (musl.sh).
 */
#ifndef TESTS_MUSL_H
#define TESTS_MUSL_H

#define _GNU_SOURCE
#include <signal.h>

#define ssignal signal

static inline void (*sysv_signal(int sig, void (*handler)(int)))(int)
{
    struct sigaction old;
    struct sigaction act = { .sa_handler = handler, .sa_flags = (int)SA_RESETHAND | SA_NODEFER };
    return sigaction(sig, &act, &old) < 0 ? SIG_ERR : old.sa_handler;
}

static inline int mask_of_int(int how, int mask)
{
    sigset_t set = { { (unsigned)mask } }, old;
    return sigprocmask(how, &set, &old) < 0 ? -1 : (int)old.__bits[0];
}

#define sigblock(mask) mask_of_int(SIG_BLOCK, mask)
#define sigsetmask(mask) mask_of_int(SIG_SETMASK, mask)
#define siggetmask() mask_of_int(SIG_BLOCK, 0)

#endif
