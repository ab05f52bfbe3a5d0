/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * aside: see aside.h.
 */
#define _GNU_SOURCE
#include "kernel/aside.h"

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sys.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
#define STACK_SIZE (64UL << 10)

/* A page of it that was never used costs nothing. */
static char own_stack[STACK_SIZE] __attribute__((aligned(64)));

/* Calls f(argument) on the stack that ends at top. An unwinder finds the caller by the frame
 * pointer. */
void aside_switch(void *top, void (*f)(void *), void *argument)
    __attribute__((visibility("hidden")));
#if defined(__x86_64__)
__asm__("\t.text\n\t.p2align 4\n\t.hidden aside_switch\n\t.globl aside_switch\n"
        "\t.type aside_switch, @function\n"
        "aside_switch:\n"
        "\t.cfi_startproc\n"
        "\tendbr64\n"
        "\tpushq %rbp\n\t.cfi_def_cfa_offset 16\n\t.cfi_offset 6, -16\n"
        "\tmovq %rsp, %rbp\n\t.cfi_def_cfa_register 6\n"
        "\tmovq %rdi, %rsp\n"
        "\tmovq %rdx, %rdi\n"
        "\tcallq *%rsi\n"
        "\tmovq %rbp, %rsp\n"
        "\tpopq %rbp\n\t.cfi_def_cfa 7, 8\n"
        "\tret\n"
        "\t.cfi_endproc\n"
        "\t.size aside_switch, . - aside_switch\n");
#elif defined(__aarch64__)
__asm__("\t.text\n\t.p2align 4\n\t.hidden aside_switch\n\t.globl aside_switch\n"
        "\t.type aside_switch, %function\n"
        "aside_switch:\n"
        "\t.cfi_startproc\n"
        "\thint 34\n" /* bti c */
        "\tstp x29, x30, [sp, #-16]!\n\t.cfi_def_cfa_offset 16\n"
        "\t.cfi_offset 29, -16\n\t.cfi_offset 30, -8\n"
        "\tmov x29, sp\n\t.cfi_def_cfa_register 29\n"
        "\tmov sp, x0\n"
        "\tmov x0, x2\n"
        "\tblr x1\n"
        "\tmov sp, x29\n"
        "\tldp x29, x30, [sp], #16\n\t.cfi_def_cfa 31, 0\n"
        "\tret\n"
        "\t.cfi_endproc\n"
        "\t.size aside_switch, . - aside_switch\n");
#endif

struct call {
    void (*f)(void *);
    void *argument;
    const stack_t *replaced; /* NULL: the alternate stack stays in use */
};

static void run(void *context)
{
    const struct call *call = context;
    const stack_t none = { .ss_flags = SS_DISABLE };
    if (call->replaced)
        sys_sigaltstack(&none, NULL);
    call->f(call->argument);
    if (call->replaced)
        sys_sigaltstack(call->replaced, NULL);
}

/* True if the address is on a stack that is in use: with SS_AUTODISARM the kernel has taken it out
 * of use. */
static bool is_on(const stack_t *stack, uintptr_t at)
{
    uintptr_t start = (uintptr_t)stack->ss_sp;
    return at - start < stack->ss_size && !((unsigned)stack->ss_flags & SS_AUTODISARM);
}

void aside_call(void (*f)(void *), void *argument, const stack_t *in_use)
{
    struct call call = { f, argument, NULL };
    if (in_use && is_on(in_use, (uintptr_t)__builtin_frame_address(0)))
        call.replaced = in_use;
    aside_switch(own_stack + STACK_SIZE, run, &call);
}
