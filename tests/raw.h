/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * raw: a system call of the test's own, by an instruction of its own.
 *
 * The library sees neither a symbol nor a function of libc. As syscall(2): -1, and errno.
 */
#ifndef TESTS_RAW_H
#define TESTS_RAW_H

#include <errno.h>
#include <sys/syscall.h>

#include "kernel/rawcall.h"

static inline long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
    long answer = rawcall(number, a, b, c, d, e, f);
    if ((unsigned long)answer < (unsigned long)-4095L)
        return answer;
    errno = (int)-answer;
    return -1;
}

/* raw(SYS_NAME, ...), with up to six arguments. */
#define RAW_CALL(number, a, b, c, d, e, f, ...) \
    raw_call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define raw(...) RAW_CALL(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

#endif
