/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * decode: the lengths of x86-64 instructions, and where their jumps lead.
 *
 * The library changes an instruction only if no jump leads into it. So it has to know where each
 * instruction of a function begins. What the decoder does not know is no instruction to it, and the
 * function is left alone then. It knows what gcc and clang make of C, and what glibc has in
 * assembly: the one-byte, 0F, 0F38 and 0F3A opcodes, VEX and EVEX. It does not know XOP, 3DNow! and
 * APX. The source is Intel's manual, volume 2, appendix A.
 *
 * The function is pure. It reads no byte from end on.
 */
#ifndef MAPHERD_DECODE_H
#define MAPHERD_DECODE_H

#include <stdbool.h>
#include <stdint.h>

enum decode_kind {
    DECODE_PLAIN,    /* the next instruction follows */
    DECODE_BRANCH,   /* a jump to target, perhaps on a condition */
    DECODE_CALL,     /* a call of target */
    DECODE_INDIRECT, /* a jump to an address in a register, or in memory by a register */
    DECODE_SYSCALL,
};

struct decoded {
    unsigned char length; /* in bytes, 1 to 15 */
    unsigned char kind;   /* enum decode_kind */
    bool vector;          /* it may use registers of x87, SSE, AVX or their state */
    bool last;            /* the next instruction does not follow: ret, jmp, hlt */
    uintptr_t target;     /* of DECODE_BRANCH and DECODE_CALL: an address, counted from at */
};

/* Decodes the instruction at at. False: it is not known, or reaches beyond end. */
bool decode(const unsigned char *at, const unsigned char *end, struct decoded *d);

#endif
