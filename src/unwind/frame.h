/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * frame: the registers of one call, by their DWARF numbers.
 *
 * The numbers are those of the psABI. On x86-64 they are rax rdx rcx rbx rsi rdi rbp rsp r8 ...
 * r15, and 16 is the return address. On aarch64 they are x0 ... x30, 31 is sp, and the return
 * address is in x30. Every function is thread- and async-signal-safe and takes no lock.
 */
#ifndef MAPHERD_FRAME_H
#define MAPHERD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/module.h"

#if defined(__x86_64__)

enum {
    FRAME_REGS = 16,
    FRAME_SP = 7,
    FRAME_FP = 6,
    FRAME_RETURN = 16, /* the caller's pc, which is no register */
    FRAME_PC = 16,     /* the number of the pc in an expression */
};
/* The registers that a call preserves, rbx rbp r12 ... r15, and the return address. */
#define FRAME_KEPT               \
    {                            \
        3, 6, 12, 13, 14, 15, 16 \
    }
enum { FRAME_KEPT_COUNT = 7 };
#define FRAME_KEPT_MASK 0xf0c8UL /* these and the stack pointer, as bits of known */

#elif defined(__aarch64__)

enum {
    FRAME_REGS = 32,
    FRAME_SP = 31,
    FRAME_FP = 29,
    FRAME_RETURN = 30,
    FRAME_PC = 32, /* the number of the pc in DWARF; nothing uses it */
};
#define FRAME_KEPT                                     \
    {                                                  \
        19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30 \
    }
enum { FRAME_KEPT_COUNT = 12 };
#define FRAME_KEPT_MASK 0xbff80000UL

#else
#error "mapherd knows the registers of x86-64 and aarch64 only"
#endif

struct frame {
    uintptr_t pc;
    bool exact;     /* pc is the next instruction to run; else it is the one behind a call */
    uint64_t known; /* bit n: reg[n] has the value that it had in that call */
    uintptr_t reg[FRAME_REGS];
};

/* Returns an address inside the instruction that the frame is at, for look-ups and output. */
static inline uintptr_t frame_at(const struct frame *f)
{
    return f->pc - !f->exact;
}

/* True if the value of a register is known. */
static inline bool frame_knows(const struct frame *f, unsigned reg)
{
    return reg < FRAME_REGS && (f->known >> reg & 1);
}

/* Returns a return address without the signature that aarch64 puts into its upper bits. */
static inline uintptr_t frame_unsigned(uintptr_t address)
{
#if defined(__aarch64__)
    register uintptr_t x30 __asm__("x30") = address;
    __asm__("hint 7" : "+r"(x30)); /* xpaclri: a nop where there are no signatures */
    return x30;
#else
    return address;
#endif
}

/*
 * Sets *f to the registers of the function in which the macro is used. It makes the compiler give
 * that function a frame pointer, so that its caller can be found also without CFI.
 */
#if defined(__x86_64__)
#define FRAME_HERE(f)                                                                              \
    do {                                                                                           \
        (void)__builtin_frame_address(0);                                                          \
        __asm__("leaq 0f(%%rip), %%rax\n"                                                          \
                "0:\tmovq %%rbx, %1\n\tmovq %%rbp, %2\n\tmovq %%rsp, %3\n\t"                       \
                "movq %%r12, %4\n\tmovq %%r13, %5\n\tmovq %%r14, %6\n\tmovq %%r15, %7"             \
                : "=&a"((f)->pc), "=m"((f)->reg[3]), "=m"((f)->reg[6]), "=m"((f)->reg[7]),         \
                  "=m"((f)->reg[12]), "=m"((f)->reg[13]), "=m"((f)->reg[14]), "=m"((f)->reg[15])); \
        (f)->exact = true;                                                                         \
        (f)->known = FRAME_KEPT_MASK;                                                              \
    } while (0)
#else
#define FRAME_HERE(f)                                                                            \
    do {                                                                                         \
        (void)__builtin_frame_address(0);                                                        \
        uintptr_t pc_, sp_;                                                                      \
        __asm__("adr %0, 0f\n"                                                                   \
                "0:\tmov %1, sp\n\tstp x19, x20, [%3]\n\tstp x21, x22, [%3, 16]\n\t"             \
                "stp x23, x24, [%3, 32]\n\tstp x25, x26, [%3, 48]\n\tstp x27, x28, [%3, 64]\n\t" \
                "stp x29, x30, [%3, 80]"                                                         \
                : "=&r"(pc_), "=&r"(sp_), "=m"(*(uintptr_t(*)[12]) & (f)->reg[19])               \
                : "r"(&(f)->reg[19]));                                                           \
        (f)->pc = pc_;                                                                           \
        (f)->reg[FRAME_SP] = sp_;                                                                \
        (f)->exact = true;                                                                       \
        (f)->known = FRAME_KEPT_MASK | 1UL << FRAME_RETURN;                                      \
    } while (0)
#endif

/* Sets *f to the registers of the code that a signal has interrupted. ucontext is the handler's
 * third argument. */
void frame_from_context(struct frame *f, const void *ucontext);

/* True if the code at pc is one that signal handlers return to. */
bool frame_is_restorer(uintptr_t pc);

/* If a signal handler returns to f's pc, makes f the frame that the signal has interrupted.
 * Otherwise false. */
bool frame_from_signal(struct frame *f, struct reach *stack);

/* Makes f the frame of the caller, if the code at f's pc only gives up its part of the stack and
 * returns: the trampolines of CPython do so (-X perf), which keep no frame pointer. False, with f
 * unchanged, where it does anything else. */
bool frame_by_epilogue(struct frame *f, struct reach *stack);

/* Makes f the frame of the caller, by the chain of frame pointers. False, with f unchanged, where
 * there is none. */
bool frame_by_pointer(struct frame *f, struct reach *stack);

/* Makes f the frame of the caller, where a call has jumped to an f->pc that is no code. */
bool frame_by_bad_call(struct frame *f, struct reach *stack);

#endif
