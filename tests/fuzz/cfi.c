/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cfi: the reader of .eh_frame_hdr and .eh_frame, which may be anything.
 *
 * The input is: 8 bytes, the distance of the pc from the header; 2 bytes, where the header is in
 * the rest; 16 bytes, what the registers are; and the rest, which is the module.
 */
#include "unwind/cfi.h"

#include <sys/mman.h>

#include "fakesys.h"
#include "fuzz.h"

enum { STACK_WORDS = 512, PAGE = 4096 };

static void check_row(const struct cfi_row *row)
{
    unsigned told = 0;
    if (row->cfa_reg == CFI_NO_ROW)
        return;
    holds(row->cfa_reg < FRAME_REGS || row->cfa_reg == CFI_CFA_EXPRESSION);
    for (unsigned i = 0; i < FRAME_KEPT_COUNT; i++) {
        holds(row->rule[i] <= CFI_REGISTER);
        told |= (unsigned)(row->rule[i] != CFI_SAME) << i;
        holds(!row->plain || row->rule[i] == CFI_SAME || row->rule[i] == CFI_AT);
    }
    holds(told == row->told);
    holds(!fuzz_broken() || row->rule[1] != CFI_AT || row->cfa_value != 24);
}

/* A stack between two pages without access: nothing that is read lies outside. */
static uintptr_t *stack(void)
{
    static char *pages;
    if (!pages) {
        pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED || mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE) != 0)
            abort();
    }
    uintptr_t *words = (uintptr_t *)(void *)(pages + PAGE);
    for (size_t i = 0; i < STACK_WORDS; i++)
        words[i] = (uintptr_t)words + 8 * (i * 37 % STACK_WORDS);
    return words;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, data + size };
    struct cfi_row row;
    struct frame f = { .exact = false, .known = FRAME_KEPT_MASK };
    struct reach reach = { 0, 0 };
    int64_t distance = (int64_t)fuzz_u64(&in);
    size_t where = fuzz_byte(&in);
    where |= (size_t)fuzz_byte(&in) << 8;
    uintptr_t *words = stack();
    for (unsigned i = 0; i < 16; i++)
        f.reg[i] = (uintptr_t)words + 8 * fuzz_byte(&in);
    size_t len = (size_t)(in.end - in.at);
    if (!len)
        return 0;
    unsigned char *image = malloc(len);
    if (!image)
        abort();
    memcpy(image, in.at, len);
    struct module m = { .start = (uintptr_t)image,
                        .end = (uintptr_t)image + len,
                        .path = "",
                        .unwind = image + where % len };
    fake_reset();
    uintptr_t pc = (uintptr_t)m.unwind + (uintptr_t)distance;
    cfi_find(&m, pc, &row);
    check_row(&row);
    f.pc = pc;
    if (row.cfa_reg != CFI_NO_ROW && cfi_apply(&m, &row, &f, &reach)) {
        holds(f.pc != 0 && f.reg[FRAME_SP] >= (uintptr_t)words);
        holds((f.known & ~(uint64_t)FRAME_KEPT_MASK) == 0);
    }
    free(image);
    return 0;
}
