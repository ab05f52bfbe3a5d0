/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * apart: threads that have a copy of the descriptor table, for sys_apart and sys_thread.
 *
 * clone(2) makes them without CLONE_FILES. libc does not know such a thread. Only sys.c includes
 * this file.
 */
#ifndef MAPHERD_APART_H
#define MAPHERD_APART_H

#include <sched.h>
#include <sys/syscall.h>

#include "kernel/rawcall.h"

/* What the thread has to do. */
struct apart {
    long (*work)(void *context);
    void *context;
    long answer;
};

/* Runs on the thread. It ends the thread, because there is no frame to return to. */
__attribute__((used)) static void run_apart(struct apart *a)
{
    a->answer = a->work(a->context);
    rawcall(SYS_exit, 0, 0, 0, 0, 0, 0);
    __builtin_trap();
}

/* Starts the thread. Returns its id, or -errno. flags are added to those of every such thread.
 * pointer is its thread pointer (CLONE_SETTLS), and tid a word for CLONE_CHILD_CLEARTID. */
static long start_thread(struct apart *a, char *stack_end, long more, void *pointer, int *tid)
{
    const long flags = CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | more;
#if defined(__x86_64__)
    register int *r10 __asm__("r10") = tid;
    register void *r8 __asm__("r8") = pointer;
    register struct apart *r12 __asm__("r12") = a;
    long answer;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r12, %%rdi\n\t"
                     "call run_apart\n"
                     "1:"
                     : "=a"(answer)
                     : "a"(SYS_clone), "D"(flags), "S"(stack_end), "d"(0L), "r"(r10), "r"(r8),
                       "r"(r12)
                     : "rcx", "r11", "memory");
    return answer;
#else
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = flags;
    register char *x1 __asm__("x1") = stack_end;
    register long x2 __asm__("x2") = 0;
    register void *x3 __asm__("x3") = pointer;
    register int *x4 __asm__("x4") = tid;
    register struct apart *x19 __asm__("x19") = a;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, 0\n\t"
                     "mov x0, x19\n\t"
                     "bl run_apart\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19)
                     : "memory", "cc", "x30");
    return x0;
#endif
}

/* Starts the thread, and sleeps until it has ended (CLONE_VFORK), so the two can share the thread
 * pointer. Returns its id, or -errno. */
static long start_apart(struct apart *a, char *stack_end)
{
    return start_thread(a, stack_end, CLONE_VFORK, NULL, NULL);
}

#endif
