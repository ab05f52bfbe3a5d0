/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * step: a trap (SIGTRAP) behind each instruction of this thread, on x86-64.
 *
 * The kernel clears the flag for the handler, and sets it again when the handler returns.
 */
#ifndef TESTS_STEP_H
#define TESTS_STEP_H

#include <stdbool.h>

/* popf loads the flags. The stack is used below the red zone, which belongs to the compiler. */
static inline __attribute__((always_inline)) void step_each(bool on)
{
    if (on)
        __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq;"
                         "lea 128(%%rsp), %%rsp" ::
                             : "memory", "cc");
    else
        __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq;"
                         "lea 128(%%rsp), %%rsp" ::
                             : "memory", "cc");
}

#endif
