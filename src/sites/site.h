/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * site: the system-call instructions of libc's functions, and whether one can be redirected.
 *
 * A site is redirected by a jump of five bytes, and its instruction has two. Behind it libc
 * compares the answer (cmp $-4095, %rax), and the jump takes the place of the two. Where something
 * else follows, it takes the place of the instruction in front, which has five bytes or seven: mov
 * $number, %eax. It does not if that is the first one of the function, where the kernel puts
 * breakpoints (uprobes): when it takes one away, it writes a byte of libc's file there.
 *
 * A site fits where
 *
 *   - the whole function can be decoded (decode.h), and so can what it jumps to outside;
 *   - no jump leads to the system call, behind the number, or into the bytes that are replaced;
 *   - the tables for the unwinder say where its return address is;
 *   - no vector register has a value that the function needs after the call. To the kernel such
 *     registers are the program's, but a C function may change them. The function was called as a C
 *     function, so nobody else expects them back.
 *
 * The functions read code and tables alone.
 */
#ifndef MAPHERD_SITE_H
#define MAPHERD_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/module.h"

enum { SITE_JUMP = 5 }; /* bytes that are written */
enum { SITE_ANY = -1 }; /* of libc's syscall: its caller has the number */

struct site {
    uintptr_t from;   /* the address of the jump */
    uintptr_t back;   /* where the function continues */
    uintptr_t closed; /* no jump may lead to [closed, back): behind the start of the number */
    long bound;       /* what the answer has to be compared with before; else any number */
    long number;      /* the call, or SITE_ANY */
    long caller;      /* the function's return address lies so many bytes above the stack pointer */
    bool fits;
};

/*
 * Writes the sites of a function, which begins at an address in the module: those of the calls
 * whose entry in wanted, an array of `numbers`, is not 0; with any, those of an unknown number too.
 * Returns how many there are, and writes max of them at most. A function that cannot be decoded has
 * one site, which does not fit.
 */
struct site_wish {
    const unsigned char *wanted;
    long numbers;
    bool any;
};
size_t site_find(const struct module *m, uintptr_t function, const struct site_wish *wish,
                 struct site *sites, size_t max);

/*
 * As site_find, for assembly without tables: whole functions in [start, end), to which others jump
 * only at their start. The caller of a site is not known, and vector registers are not looked at.
 * Code that cannot be decoded has no sites.
 */
size_t site_find_in(uintptr_t start, uintptr_t end, const struct site_wish *wish,
                    struct site *sites, size_t max);

#endif
