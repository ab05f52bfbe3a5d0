/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * stubs: see stubs.h.
 */
#define _GNU_SOURCE
#include "sites/stubs.h"

#include <stddef.h>

#if defined(__x86_64__)

#define TEXT_OF(number) #number
#define NUMBER(number) TEXT_OF(number)
#define HIDDEN __attribute__((visibility("hidden")))

/* The last one is that of SITE_ANY. */
#define FIXED 31

/* All of these are read by the assembly below. */
struct stub {
    uintptr_t back;
    long number, caller, bound; /* as in struct site */
};
extern struct stub stubs_table[FIXED + 1] HIDDEN;
struct stub stubs_table[FIXED + 1];
extern const unsigned char *stubs_use HIDDEN;
const unsigned char *stubs_use;
extern uint32_t stubs_shares HIDDEN;
uint32_t stubs_shares;
extern stubs_function *stubs_answer HIDDEN;
stubs_function *stubs_answer;

#define STUB_SIZE 32
extern const char stubs_code[] HIDDEN;
static unsigned taken;
static bool any_taken;

/*
 * A stub has two parts of 16 bytes. The first one loads the number, and rcx with the distance of
 * its struct stub in the table. The second one makes the system call.
 *
 * The frame, by its distance from the stack pointer at the site, which rbx holds: at -136
 * (SITE_NO_CALLER) the return address for the unwinder, at -144 rbx, at -152 the address of the
 * struct stub, from -160 to -200 the arguments.
 */
/* clang-format off */
__asm__(".pushsection .text\n"
        ".balign 64\n"
        "stubs_code:\n"
        ".cfi_startproc\n"
        ".cfi_undefined 16\n"
        ".set stub, 0\n"
        ".rept " NUMBER(FIXED) "\n"
        ".balign 32, 0xcc\n"
        "movl $(32 * stub), %ecx\n"
        "movl stubs_table + 32 * stub + 8(%rip), %eax\n"
        "jmp stubs_common\n"
        ".balign 16, 0xcc\n"
        "syscall\n"
        "cmpq stubs_table + 32 * stub + 24(%rip), %rax\n"
        "notrack jmp *stubs_table + 32 * stub(%rip)\n"
        ".set stub, stub + 1\n"
        ".endr\n"
        ".balign 32, 0xcc\n"
        "movl $(32 * stub), %ecx\n"
        "jmp stubs_common\n"
        ".balign 16, 0xcc\n"
        "syscall\n"
        "cmpq stubs_table + 32 * stub + 24(%rip), %rax\n"
        "notrack jmp *stubs_table + 32 * stub(%rip)\n"
        ".balign 16, 0xcc\n"
        "stubs_common:\n"
        "cmpq $512, %rax\n" /* STUBS_NUMBERS */
        "jae 1f\n"
        "movq stubs_use(%rip), %r11\n"
        "movzbl (%r11,%rax), %r11d\n"
        "testl %r11d, %r11d\n"
        "je 1f\n"
        "cmpl $2, %r11d\n" /* STUBS_FORK */
        "jne 2f\n"
        "testq %rsi, %rsi\n"
        "jne 1f\n"
        "testl %edi, stubs_shares(%rip)\n"
        "je 2f\n"
        "1: leaq stubs_code + 16(%rip), %r11\n"
        "addq %rcx, %r11\n"
        "notrack jmp *%r11\n"
        "2: leaq stubs_table(%rip), %r11\n"
        "addq %rcx, %r11\n"
        "leaq -128(%rsp), %rsp\n"
        "pushq (%r11)\n"
        "pushq %rbx\n"
        "leaq 144(%rsp), %rbx\n"
        ".cfi_def_cfa 3, 0\n"
        ".cfi_offset 16, -136\n"
        ".cfi_offset 3, -144\n"
        "pushq %r11\n"
        "pushq %rdi\n"
        "pushq %rsi\n"
        "pushq %rdx\n"
        "pushq %r10\n"
        "pushq %r8\n"
        "pushq %r9\n"
        "movq 16(%r11), %rcx\n"
        "andq $-16, %rsp\n"
        "pushq (%rbx,%rcx)\n"
        "pushq %r9\n"
        "movq %r8, %r9\n"
        "movq %r10, %r8\n"
        "movq %rdx, %rcx\n"
        "movq %rsi, %rdx\n"
        "movq %rdi, %rsi\n"
        "movq %rax, %rdi\n"
        "call *stubs_answer(%rip)\n"
        "movq -152(%rbx), %r11\n"
        "movq -160(%rbx), %rdi\n"
        "movq -168(%rbx), %rsi\n"
        "movq -176(%rbx), %rdx\n"
        "movq -184(%rbx), %r10\n"
        "movq -192(%rbx), %r8\n"
        "movq -200(%rbx), %r9\n"
        "movq %rbx, %rcx\n"
        ".cfi_def_cfa 2, 0\n"
        "movq -144(%rbx), %rbx\n"
        ".cfi_restore 3\n"
        "movq %rcx, %rsp\n"
        "cmpq 24(%r11), %rax\n"
        "notrack jmp *(%r11)\n"
        ".cfi_endproc\n"
        ".popsection");
/* clang-format on */

bool stubs_start(const unsigned char *use, uint32_t shares, stubs_function *function)
{
    stubs_use = use;
    stubs_shares = shares;
    stubs_answer = function;
    return true;
}

uintptr_t stubs_take(const struct site *s)
{
    bool any = s->number == SITE_ANY;
    if (any ? any_taken : taken == FIXED)
        return 0;
    unsigned n = any ? FIXED : taken++;
    any_taken |= any;
    stubs_table[n] = (struct stub){
        .back = s->back, .number = s->number, .caller = s->caller, .bound = s->bound
    };
    return (uintptr_t)stubs_code + (uintptr_t)n * STUB_SIZE;
}

#else

bool stubs_start(const unsigned char *use, uint32_t shares, stubs_function *function)
{
    (void)use, (void)shares, (void)function;
    return false;
}

uintptr_t stubs_take(const struct site *s)
{
    (void)s;
    return 0;
}

#endif
