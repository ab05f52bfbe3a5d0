/*
 * cfi: how to get from a pc to its caller, by what compilers leave in .eh_frame.
 *
 * Read are DWARF 5, section 6.4, and the LSB's .eh_frame and .eh_frame_hdr, as far as gcc, clang and
 * ld write them for C, C++ and Rust; what is not known ends the walk. The tables of a loaded module
 * are trusted to be readable, and not trusted to be right: nothing is read beyond an entry's end.
 * Thread- and async-signal-safe, no locks, no allocation.
 */
#ifndef MAPHERD_CFI_H
#define MAPHERD_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind/frame.h"
#include "unwind/module.h"

/* Where a register of the caller is. */
enum cfi_rule {
    CFI_SAME,           /* where it was */
    CFI_UNDEFINED,      /* lost; for the return address: nobody called */
    CFI_AT,             /* in memory, value bytes from the CFA */
    CFI_IS,             /* it is the CFA + value */
    CFI_AT_EXPRESSION,  /* in memory where an expression says */
    CFI_IS_EXPRESSION,  /* what an expression says */
    CFI_REGISTER,       /* in register number value */
};

enum { CFI_NO_ROW = 0xff, CFI_CFA_EXPRESSION = 0xfe }; /* for cfa_reg */

/* The rules at one pc. The CFA is the caller's stack pointer. An expression is the distance of its
 * length and bytes from the module's .eh_frame_hdr. */
struct cfi_row {
    int32_t cfa_value;                /* the CFA is reg[cfa_reg] + cfa_value, or an expression's */
    uint8_t cfa_reg;                  /* or CFI_CFA_EXPRESSION, or CFI_NO_ROW: nothing is known */
    bool signal;                      /* what a signal handler returns to */
    bool plain;                       /* no rule but CFI_SAME and CFI_AT, no expression */
    uint16_t told;                    /* bit n: rule[n] is not CFI_SAME */
    uint8_t rule[FRAME_KEPT_COUNT];   /* of each of FRAME_KEPT */
    int32_t value[FRAME_KEPT_COUNT];
} __attribute__((aligned(8)));

/* The row of a pc in m; cfa_reg is CFI_NO_ROW where the module has none, or an odd one. */
void cfi_find(const struct module *m, uintptr_t pc, struct cfi_row *row);

/* One call up by that row; false where the chain ends or breaks, and then f is spoilt. */
bool cfi_apply(const struct module *m, const struct cfi_row *row, struct frame *f,
               struct reach *stack);

#endif
