/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * gostubs: see gostubs.h.
 */
#define _GNU_SOURCE
#include "sites/gostubs.h"

#if defined(__x86_64__)

#include <sys/auxv.h>

#include "common/given.h"
#include "kernel/lock.h"

#define TEXT_OF(number) #number
#define NUMBER(number) TEXT_OF(number)
#define HIDDEN __attribute__((visibility("hidden")))

#define STUBS 32
#define STUB_SIZE 32
#define STACKS 256
#define EACH_LOG2 16

/*
 * The upper end of each stack has a page for the thread-local storage. The thread pointer leads to
 * its middle: below it are the variables, the last one Go's. The frame of a stub begins below the
 * page, at the address that rbx has during the call. By the distance from it:
 *
 *     -8 the program's stack pointer     -16 rbx       -24 the address of the struct gostub
 *    -32 where the function continues    -40 the program's thread pointer
 *    -48 to -88 the arguments            -512 to -257 the vector registers
 */
#define STORAGE_PAGE 4096
#define STORAGE 2048

/* All of these are read by the assembly below. */
struct gostub {
    uintptr_t back;
    long number, unused, bound; /* as in struct site */
};
extern struct gostub gostubs_table[STUBS] HIDDEN;
struct gostub gostubs_table[STUBS];
extern const unsigned char *gostubs_use HIDDEN;
const unsigned char *gostubs_use;
extern uint32_t gostubs_shares HIDDEN;
uint32_t gostubs_shares;
extern stubs_function *gostubs_answer HIDDEN;
stubs_function *gostubs_answer;
extern uint64_t gostubs_busy[STACKS / 64] HIDDEN; /* a bit for each stack that is in use */
uint64_t gostubs_busy[STACKS / 64];
extern uintptr_t gostubs_top HIDDEN; /* where the frames on the first stack begin */
uintptr_t gostubs_top;
extern uint32_t gostubs_fits HIDDEN; /* whether threads with Go's own storage are served */
uint32_t gostubs_fits;
static uintptr_t first_stack;

extern const char gostubs_code[] HIDDEN;
static unsigned taken;

/* A free stack of 64, whose number goes to r11, which is the only register that is free. */
#define TAKE_STACK(word)                                   \
    "3: movq gostubs_busy + 8 * " #word "(%rip), %r11\n"   \
    "notq %r11\n"                                          \
    "bsfq %r11, %r11\n"                                    \
    "jz 4f\n"                                              \
    "lock btsq %r11, gostubs_busy + 8 * " #word "(%rip)\n" \
    "jc 3b\n"                                              \
    "addl $64 * " #word ", %r11d\n"                        \
    "jmp 5f\n"                                             \
    "4:\n"

#define VECTORS(how)                                                                              \
    how(0) how(1) how(2) how(3) how(4) how(5) how(6) how(7) how(8) how(9) how(10) how(11) how(12) \
        how(13) how(14) how(15)
#define KEEP(n) "movups %xmm" #n ", -512 + 16 * " #n "(%rbx)\n"
#define GIVE_BACK(n) "movups -512 + 16 * " #n "(%rbx), %xmm" #n "\n"

/*
 * A stub has the two parts of 16 bytes that those of stubs.c have.
 *
 * To an unwinder the code has no caller, but during the call: there the caller's stack pointer, its
 * rbx and the return address are in the frame, which expressions of DWARF say (breg3 is rbx).
 */
/* clang-format off */
__asm__(".pushsection .text\n"
        ".balign 64\n"
        "gostubs_code:\n"
        ".cfi_startproc\n"
        ".cfi_undefined 16\n"
        ".set gostub, 0\n"
        ".rept " NUMBER(STUBS) "\n"
        ".balign 32, 0xcc\n"
        "leaq gostubs_table + 32 * gostub(%rip), %rcx\n"
        "jmp gostubs_common\n"
        ".balign 16, 0xcc\n"
        "syscall\n"
        "cmpq gostubs_table + 32 * gostub + 24(%rip), %rax\n"
        "notrack jmp *gostubs_table + 32 * gostub(%rip)\n"
        ".set gostub, gostub + 1\n"
        ".endr\n"
        ".balign 16, 0xcc\n"
        "gostubs_common:\n"
        "movq 8(%rcx), %r11\n"
        "testq %r11, %r11\n" /* SITE_ANY */
        "cmovnsq %r11, %rax\n"
        STUBS_CHOOSE(gostubs)
        "1: leaq gostubs_table(%rip), %r11\n"
        "subq %r11, %rcx\n"
        "leaq gostubs_code + 16(%rip), %r11\n"
        "addq %rcx, %r11\n"
        "notrack jmp *%r11\n"
        "2: rdfsbase %r11\n"
        "cmpq %fs:0, %r11\n" /* libc's, or that of a call which a handler has interrupted */
        "je 3f\n"
        "cmpl $0, gostubs_fits(%rip)\n"
        "je 1b\n"
        TAKE_STACK(0) TAKE_STACK(1) TAKE_STACK(2) TAKE_STACK(3)
        "jmp 1b\n" /* all are in use */
        "5: shlq $" NUMBER(EACH_LOG2) ", %r11\n"
        "addq gostubs_top(%rip), %r11\n"
        "movq %rsp, -8(%r11)\n"
        "movq %rbx, -16(%r11)\n"
        "movq %rcx, -24(%r11)\n"
        "movq %r11, %rbx\n"
        "movq (%rcx), %r11\n"
        "movq %r11, -32(%rbx)\n"
        "movq %rdi, -48(%rbx)\n"
        "movq %rsi, -56(%rbx)\n"
        "movq %rdx, -64(%rbx)\n"
        "movq %r10, -72(%rbx)\n"
        "movq %r8, -80(%rbx)\n"
        "movq %r9, -88(%rbx)\n"
        VECTORS(KEEP)
        "leaq -512(%rbx), %rsp\n"
        ".cfi_remember_state\n"
        ".cfi_escape 0x0f, 0x03, 0x73, 0x78, 0x06\n"       /* the CFA: * (rbx - 8) */
        ".cfi_escape 0x10, 0x10, 0x02, 0x73, 0x60\n"       /* the return address: at rbx - 32 */
        ".cfi_escape 0x10, 0x03, 0x02, 0x73, 0x70\n"       /* rbx: at rbx - 16 */
        "rdfsbase %r11\n"
        "movq %r11, -40(%rbx)\n"
        "cmpq %fs:0, %r11\n"
        "je 6f\n"
        "movq %fs:-8, %r11\n"
        "movq %r11, " NUMBER(STORAGE) " - 8(%rbx)\n"
        "leaq " NUMBER(STORAGE) "(%rbx), %r11\n"
        "movq %r11, (%r11)\n" /* ABI: the pointer's own address */
        "wrfsbase %r11\n"
        "movq lock_thread_id@gottpoff(%rip), %r11\n"
        "movl $0, %fs:(%r11)\n"
        "6: pushq $0\n"
        "pushq %r9\n"
        "movq %r8, %r9\n"
        "movq %r10, %r8\n"
        "movq %rdx, %rcx\n"
        "movq %rsi, %rdx\n"
        "movq %rdi, %rsi\n"
        "movq %rax, %rdi\n"
        "cld\n"
        "call *gostubs_answer(%rip)\n"
        VECTORS(GIVE_BACK)
        "movq -40(%rbx), %r11\n"
        "wrfsbase %r11\n"
        "movq -48(%rbx), %rdi\n"
        "movq -56(%rbx), %rsi\n"
        "movq -64(%rbx), %rdx\n"
        "movq -72(%rbx), %r10\n"
        "movq -80(%rbx), %r8\n"
        "movq -88(%rbx), %r9\n"
        "movq -24(%rbx), %rcx\n"
        "movq %rbx, %r11\n"
        ".cfi_restore_state\n"
        "movq -16(%r11), %rbx\n"
        "movq -8(%r11), %rsp\n"
        "subq gostubs_top(%rip), %r11\n"
        "shrq $" NUMBER(EACH_LOG2) ", %r11\n"
        "lock btrq %r11, gostubs_busy(%rip)\n"
        "cmpq 24(%rcx), %rax\n"
        "notrack jmp *(%rcx)\n"
        ".cfi_endproc\n"
        ".popsection");
/* clang-format on */

/* Whether the library's thread-local variables fit below the middle of the page. They lie close to
 * each other, and all of them below the program's. Where another library has brought a libc along,
 * the page would have to hold libc's too: errno. */
static bool fits_storage(void)
{
    enum { OTHERS = 512 }; /* more than all of them have */
    uintptr_t here = (uintptr_t)__builtin_thread_pointer(), variable = (uintptr_t)&lock_thread_id;
    return !given_libc() && variable < here && here - variable <= STORAGE - OTHERS;
}

static bool has_fsgsbase(void)
{
    enum { FSGSBASE = 2 }; /* the kernel's HWCAP2_FSGSBASE */
    return given_value(AT_HWCAP2) & FSGSBASE;
}

bool gostubs_start(const unsigned char *use, uint32_t shares, stubs_function *function,
                   uintptr_t stacks)
{
    if (!has_fsgsbase())
        return false;
    gostubs_use = use;
    gostubs_shares = shares;
    gostubs_answer = function;
    first_stack = stacks;
    gostubs_top = stacks + GOSTUBS_EACH - STORAGE_PAGE;
    gostubs_fits = fits_storage();
    return true;
}

uintptr_t gostubs_take(const struct site *s)
{
    if (taken == STUBS)
        return 0;
    gostubs_table[taken] =
        (struct gostub){ .back = s->back, .number = s->number, .bound = s->bound };
    return (uintptr_t)gostubs_code + (uintptr_t)taken++ * STUB_SIZE;
}

bool gostubs_is_stack(uintptr_t at)
{
    return first_stack && at - first_stack < GOSTUBS_BYTES;
}

#else

bool gostubs_start(const unsigned char *use, uint32_t shares, stubs_function *function,
                   uintptr_t stacks)
{
    (void)use, (void)shares, (void)function, (void)stacks;
    return false;
}

uintptr_t gostubs_take(const struct site *s)
{
    (void)s;
    return 0;
}

bool gostubs_is_stack(uintptr_t at)
{
    (void)at;
    return false;
}

#endif
