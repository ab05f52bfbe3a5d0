/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * stubs: where a redirected system call goes, and the way back.
 *
 * A stub lies in the library's own text. It calls a function with the number and the arguments of
 * the system call, does what else the jump has replaced, and continues behind it. The answer is in
 * rax then. All registers but rcx and r11 are as before, as after a system
 * call, but for the vector registers (site.h). Below the stack pointer the 128 bytes of the red
 * zone stay as they are. To an unwinder, a stub is a part of libc's function.
 *
 * A call that is not for the function is made by the stub itself, without a frame and without a
 * change of the stack pointer, so it may return twice (vfork) or on another stack (clone).
 *
 * On other machines than x86-64 there are no stubs.
 */
#ifndef MAPHERD_STUBS_H
#define MAPHERD_STUBS_H

#include <stdbool.h>
#include <stdint.h>

#include "sites/site.h"

enum { STUBS_NUMBERS = 512 }; /* calls of this number and above are for the kernel */

/*
 * For the assembly of stubs.c and gostubs.c, with the names of both tables before _use and _shares:
 * whether a call is for the kernel (1f), or for the function (2f). rax has its number. r11 is used.
 */
#define STUBS_CHOOSE(name)                  \
    "cmpq $512, %rax\n" /* STUBS_NUMBERS */ \
    "jae 1f\n"                              \
    "movq " #name "_use(%rip), %r11\n"      \
    "movzbl (%r11,%rax), %r11d\n"           \
    "testl %r11d, %r11d\n"                  \
    "je 1f\n"                               \
    "cmpl $2, %r11d\n" /* STUBS_FORK */     \
    "jne 2f\n"                              \
    "testq %rsi, %rsi\n"                    \
    "jne 1f\n"                              \
    "testl %edi, " #name "_shares(%rip)\n"  \
    "je 2f\n"

/* What the stubs do with a call. */
enum stubs_use {
    STUBS_KERNEL, /* it is for the kernel */
    STUBS_ANSWER, /* it is for the function */
    STUBS_FORK,   /* a clone(2): for the function, if the child has no stack of its own (second
                     argument) and no flag of `shares` is set (first argument) */
    STUBS_SITE,   /* as STUBS_ANSWER; another table of the caller may tell the two apart */
};

/* Returns as the kernel does: a value, or -errno. errno stays as it is. caller: where libc's
 * function returns to; an address in libc if that is not known. */
typedef long stubs_function(long number, long a, long b, long c, long d, long e, long f,
                            uintptr_t caller);

/* use: STUBS_NUMBERS of enum stubs_use. For the constructor, before the first site is redirected.
 * False where there are no stubs. */
bool stubs_start(const unsigned char *use, uint32_t shares, stubs_function *function);

/* Returns the address of a stub for the site; 0 if all are taken. There is one for SITE_ANY. */
uintptr_t stubs_take(const struct site *s);

#endif
