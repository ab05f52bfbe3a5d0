/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * frame: frames without CFI: by the context of a signal, and by the chain of frame pointers.
 */
#define _GNU_SOURCE
#include "unwind/frame.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "kernel/sys.h"

#define WORD sizeof(uintptr_t)
#define FRAME_MAX (4UL << 20) /* a frame pointer that points further up is wrong */

/* The context lies on a stack that AddressSanitizer may have marked. */
__attribute__((no_sanitize("address", "thread"))) void frame_from_context(struct frame *f,
                                                                          const void *ucontext)
{
    const mcontext_t *m = &((const ucontext_t *)ucontext)->uc_mcontext;
#if defined(__x86_64__)
    static const unsigned char order[FRAME_REGS] = {
        REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
        REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
    };
    for (size_t i = 0; i < FRAME_REGS; i++)
        f->reg[i] = (uintptr_t)m->gregs[order[i]];
    f->pc = (uintptr_t)m->gregs[REG_RIP];
    f->known = 0xffff;
#else
    for (size_t i = 0; i < FRAME_SP; i++)
        f->reg[i] = m->regs[i];
    f->reg[FRAME_SP] = m->sp;
    f->pc = m->pc;
    f->known = 0xffffffff;
#endif
    f->exact = true;
}

/* mov $15, %rax; syscall. mov x8, 139; svc 0. Every libc has a restorer of these bytes, because
 * debuggers recognize it by them. */
#if defined(__x86_64__)
static const unsigned char restorer[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
enum { CONTEXT_ABOVE_SP = 0 };
#else
static const unsigned char restorer[] = { 0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4 };
enum { CONTEXT_ABOVE_SP = sizeof(siginfo_t) };
#endif

bool frame_is_restorer(uintptr_t pc)
{
    struct reach code = { 0, 0 };
    return reach_span(&code, pc, sizeof restorer) &&
           memcmp((const void *)pc, restorer, sizeof restorer) == 0;
}

bool frame_from_signal(struct frame *f, struct reach *stack)
{
    if (!frame_is_restorer(f->pc))
        return false;
    uintptr_t context = f->reg[FRAME_SP] + CONTEXT_ABOVE_SP;
    /* Up to the general registers: behind them, the kernel's struct differs from that of libc. */
    size_t len = offsetof(ucontext_t, uc_mcontext) + FRAME_REGS * WORD + 8 * WORD;
    if (context % WORD || !reach_span(stack, context, len))
        return false;
    frame_from_context(f, (const void *)context);
    return true;
}

/* The instructions that will run say where the return address is, and that no other register
 * changes: add $N, %rsp; ret. On aarch64 such code has a frame pointer. */
bool frame_by_epilogue(struct frame *f, struct reach *stack)
{
#if defined(__x86_64__)
    static const unsigned char add[] = { 0x48, 0x83, 0xc4 };
    enum { AMOUNT = sizeof add, RET, LENGTH };
    struct reach code = { 0, 0 };
    const unsigned char *at = (const void *)f->pc;
    uintptr_t pc;
    if (!reach_span(&code, f->pc, LENGTH) || memcmp(at, add, sizeof add) != 0 ||
        at[AMOUNT] > INT8_MAX || at[RET] != 0xc3)
        return false;
    uintptr_t place = f->reg[FRAME_SP] + at[AMOUNT];
    if (!reach_word(stack, place, &pc) || !pc)
        return false;
    f->reg[FRAME_SP] = place + WORD;
    f->pc = pc;
    f->exact = false;
    f->known &= FRAME_KEPT_MASK;
    return true;
#else
    (void)f, (void)stack;
    return false;
#endif
}

bool frame_by_pointer(struct frame *f, struct reach *stack)
{
    uintptr_t fp = f->reg[FRAME_FP], sp = f->reg[FRAME_SP], pc, up;
    if (!frame_knows(f, FRAME_FP) || fp < sp || fp - sp > FRAME_MAX ||
        !reach_word(stack, fp, &up) || !reach_word(stack, fp + WORD, &pc) || !pc)
        return false;
    f->reg[FRAME_FP] = up;
    f->reg[FRAME_SP] = fp + 2 * WORD;
    f->pc = frame_unsigned(pc);
    f->exact = false;
    f->known = 1UL << FRAME_FP | 1UL << FRAME_SP;
    return true;
}

bool frame_by_bad_call(struct frame *f, struct reach *stack)
{
    if (!f->exact)
        return false;
#if defined(__x86_64__)
    uintptr_t pc;
    if (!reach_word(stack, f->reg[FRAME_SP], &pc))
        return false;
    f->reg[FRAME_SP] += WORD;
    f->pc = pc;
#else
    (void)stack;
    f->pc = frame_unsigned(f->reg[FRAME_RETURN]);
    f->known &= ~(1UL << FRAME_RETURN);
#endif
    f->exact = false;
    return true;
}
