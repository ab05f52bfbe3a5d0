/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cfi: the way from a call to its caller, by the call frame information of compilers in .eh_frame.
 *
 * The formats are those of DWARF 5, section 6.4, and of .eh_frame and .eh_frame_hdr in the LSB, as
 * far as gcc, clang and ld write them for C, C++ and Rust. Anything else ends the walk. The tables
 * of a loaded module can be read, but may be wrong: nothing is read beyond the end of an entry.
 * Every function is thread- and async-signal-safe, takes no lock and allocates nothing.
 */
#ifndef MAPHERD_CFI_H
#define MAPHERD_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind/frame.h"
#include "unwind/module.h"

/* Where a register of the caller is. */
enum cfi_rule {
    CFI_SAME,          /* in the same register */
    CFI_UNDEFINED,     /* lost; the return address is undefined in the outermost call */
    CFI_AT,            /* in memory, value bytes from the CFA */
    CFI_IS,            /* it is the CFA + value */
    CFI_AT_EXPRESSION, /* in memory, at the result of an expression */
    CFI_IS_EXPRESSION, /* it is the result of an expression */
    CFI_REGISTER,      /* in register number value */
};

enum { CFI_NO_ROW = 0xff, CFI_CFA_EXPRESSION = 0xfe }; /* for cfa_reg */

/* The rules at one pc. The CFA is the caller's stack pointer. An expression is given as the
 * distance of its length and bytes from the module's .eh_frame_hdr. */
struct cfi_row {
    int32_t cfa_value;              /* the CFA is reg[cfa_reg] + this; or an expression */
    uint8_t cfa_reg;                /* or CFI_CFA_EXPRESSION, or CFI_NO_ROW: nothing is known */
    bool signal;                    /* a signal handler returns here */
    bool plain;                     /* no rule but CFI_SAME and CFI_AT, no expression */
    uint16_t told;                  /* bit n: rule[n] is not CFI_SAME */
    uint8_t rule[FRAME_KEPT_COUNT]; /* of each of FRAME_KEPT */
    int32_t value[FRAME_KEPT_COUNT];
} __attribute__((aligned(8)));

/* Finds the row of a pc in m. cfa_reg is CFI_NO_ROW where the module has none, or one that is not
 * understood. */
void cfi_find(const struct module *m, uintptr_t pc, struct cfi_row *row);

/* Sets *start and *end to the code around pc that has one entry in the tables: a function, or a
 * part of one that the compiler has put elsewhere. False where there is none. */
bool cfi_function(const struct module *m, uintptr_t pc, uintptr_t *start, uintptr_t *end);

/* Makes f the frame of the caller, by that row. False where the chain ends or breaks; then f has no
 * meaning. */
bool cfi_apply(const struct module *m, const struct cfi_row *row, struct frame *f,
               struct reach *stack);

#endif
