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

/* Stubs of sites whose function has put nothing on the stack come first, then those of others. The
 * last one is that of SITE_ANY, which is one of the first kind. */
#define BARE 24
#define FRAMED 7
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
static unsigned bare_taken, framed_taken;
static bool any_taken;

/*
 * A stub has two parts of 16 bytes. The first one loads rcx with the address of its struct stub.
 * The second one makes the system call.
 *
 * The frame, by its distance from the stack pointer at the site, which rbx holds: at -136 the
 * return address for the unwinder, which is in libc's function, at -144 rbx, at -152 the address of
 * the struct stub, from -160 to -200 the arguments.
 *
 * Outside of the frame the unwinder takes a stub for a part of libc's function, which has put
 * `caller` bytes on the stack. That number is in the struct stub, by an expression of DWARF:
 * CFA_BY(register, distance) is rsp + distance + caller, where the register has the address of the
 * struct. Only the first instruction of a framed stub has no rule.
 */
#define RCX "0x72"
#define R11 "0x7b"
#define CFA_BY(reg, low, high) \
    ".cfi_escape 0x0f, 0x07, 0x77, " low ", " high ", " reg ", 0x10, 0x06, 0x22\n"
#define CFA_BARE ".cfi_def_cfa 7, 8\n"
#define RA_ABOVE ".cfi_offset 16, -8\n" /* libgcc takes .cfi_restore 16 for "in the register" */
/* clang-format off */
#define PART_TWO \
        ".balign 16, 0xcc\n" \
        "syscall\n" \
        "cmpq stubs_table + 32 * stub + 24(%rip), %rax\n" \
        "notrack jmp *stubs_table + 32 * stub(%rip)\n" \
        ".set stub, stub + 1\n"
__asm__(".pushsection .text\n"
        ".balign 64\n"
        "stubs_code:\n"
        ".cfi_startproc\n"
        ".set stub, 0\n"
        ".rept " NUMBER(BARE) "\n"
        ".balign 32, 0xcc\n"
        "leaq stubs_table + 32 * stub(%rip), %rcx\n"
        "jmp stubs_fixed\n"
        PART_TWO
        ".endr\n"
        ".rept " NUMBER(FRAMED) "\n"
        ".balign 32, 0xcc\n"
        ".cfi_undefined 16\n"
        "leaq stubs_table + 32 * stub(%rip), %rcx\n"
        RA_ABOVE
        CFA_BY(RCX, "0x88", "0x00")
        "jmp stubs_fixed\n"
        CFA_BARE
        PART_TWO
        ".endr\n"
        ".balign 32, 0xcc\n"
        "leaq stubs_table + 32 * stub(%rip), %rcx\n"
        "jmp stubs_common\n"
        PART_TWO
        ".balign 16, 0xcc\n"
        "stubs_fixed:\n"
        CFA_BY(RCX, "0x88", "0x00")
        "movl 8(%rcx), %eax\n"
        "stubs_common:\n"
        STUBS_CHOOSE(stubs)
        "1: leaq stubs_table(%rip), %r11\n"
        CFA_BARE /* such a call comes by SITE_ANY */
        "subq %r11, %rcx\n"
        "leaq stubs_code + 16(%rip), %r11\n"
        "addq %rcx, %r11\n"
        "notrack jmp *%r11\n"
        CFA_BY(RCX, "0x88", "0x00")
        "2: leaq -128(%rsp), %rsp\n"
        CFA_BY(RCX, "0x88", "0x01")
        "pushq (%rcx)\n"
        CFA_BY(RCX, "0x90", "0x01")
        "pushq %rbx\n"
        CFA_BY(RCX, "0x98", "0x01")
        "leaq 144(%rsp), %rbx\n"
        ".cfi_def_cfa 3, 0\n"
        ".cfi_offset 16, -136\n"
        ".cfi_offset 3, -144\n"
        "pushq %rcx\n"
        "pushq %rdi\n"
        "pushq %rsi\n"
        "pushq %rdx\n"
        "pushq %r10\n"
        "pushq %r8\n"
        "pushq %r9\n"
        "movq 16(%rcx), %r11\n"
        "andq $-16, %rsp\n"
        "pushq (%rbx,%r11)\n"
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
        RA_ABOVE
        CFA_BY(R11, "0x88", "0x00")
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
    if (any ? any_taken || s->caller : s->caller ? framed_taken == FRAMED : bare_taken == BARE)
        return 0;
    unsigned n = any ? FIXED : s->caller ? BARE + framed_taken++ : bare_taken++;
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
