/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * placed: the entry of the library in a static program, where `mapherd run` has placed it
 * (command/host/placer.h).
 *
 * The process is as the kernel has made it: no register but the stack pointer has a meaning, and
 * there is no thread-local storage. The library starts with storage of its own, and then the
 * program, from the entry that the auxiliary vector names.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)

#include <sys/auxv.h>

#include "common/given.h"
#include "entry/life.h"
#include "kernel/sys.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* The thread pointer leads to the middle. There is its own address (x86-64 psABI). */
enum { STORAGE = 512 };
extern uintptr_t placed_storage[STORAGE] HIDDEN;
uintptr_t placed_storage[STORAGE];

/* rdi: the process that has placed the library. arch_prctl(2) is call 158, and ARCH_SET_FS 0x1002.
 * The unwinder finds no caller. */
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".hidden placed_entry\n"
        ".globl placed_entry\n"
        ".type placed_entry, @function\n"
        "placed_entry:\n"
        ".cfi_startproc\n"
        ".cfi_undefined 16\n"
        "movq %rsp, %rbp\n"
        "movq %rdi, %rbx\n"
        "andq $-16, %rsp\n"
        "leaq placed_storage + 2048(%rip), %rsi\n"
        "movq %rsi, (%rsi)\n"
        "movl $0x1002, %edi\n"
        "movl $158, %eax\n"
        "syscall\n"
        "movq %rbp, %rdi\n"
        "movq %rbx, %rsi\n"
        "call placed_start\n"
        "movq %rax, %rbx\n"
        "xorl %esi, %esi\n"
        "movl $0x1002, %edi\n"
        "movl $158, %eax\n"
        "syscall\n"
        "movq %rbp, %rsp\n"
        "pushq %rbx\n"
        "xorl %eax, %eax\n xorl %ebx, %ebx\n xorl %ecx, %ecx\n xorl %edx, %edx\n"
        "xorl %esi, %esi\n xorl %edi, %edi\n xorl %ebp, %ebp\n xorl %r8d, %r8d\n"
        "xorl %r9d, %r9d\n xorl %r10d, %r10d\n xorl %r11d, %r11d\n xorl %r12d, %r12d\n"
        "xorl %r13d, %r13d\n xorl %r14d, %r14d\n xorl %r15d, %r15d\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size placed_entry, . - placed_entry\n"
        ".popsection");

/* stack: what the kernel has put there: the number of arguments, and they. Returns the address of
 * the program's entry. The other process ends as soon as it has let go. */
extern uintptr_t placed_start(long *stack, long placer) HIDDEN;
__attribute__((used)) uintptr_t placed_start(long *stack, long placer)
{
    sys_reap(placer);
    life_start((int)stack[0], (char **)(stack + 1));
    return given_value(AT_ENTRY);
}

#else

/* On other machines nothing places it. */
void placed_entry(void) __attribute__((visibility("hidden")));
void placed_entry(void)
{
    __builtin_trap();
}

#endif
