/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * go_like: what Go's compiler makes of a program without cgo, as far as the library sees it: no
 * libc, the note of Go's linker, a system call in assembly between padding, a thread pointer that
 * leads to the program's own storage, and a stack with nothing left.
 *
 *   go_like FILE COUNT   maps a file in chunks of 1 MiB, and prints how many maps that has made.
 *                        After each call every register is looked at, and in a handler of a timer
 *                        the word of the storage that Go has its goroutine in.
 *
 * It ends with 0, or with the number of what is wrong: see enum wrong.
 */
#include <asm/prctl.h>
#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

enum wrong {
    BAD_USE = 100,
    NO_FILE,
    NO_CHUNK, /* 65,530 maps, in most cases */
    NO_MAPS,
    REGISTERS,
    VECTORS,
    STORAGE,      /* the thread pointer, or the word */
    IN_A_HANDLER, /* the word, as a handler saw it */
    STACK,
    BYTES,
    NO_SIGNALS, /* no handler ran */
};

enum { CHUNK = 1 << 20, STACK_LEFT = 8 };

__asm__(".pushsection .note.go.buildid, \"a\", @note\n"
        ".balign 4\n"
        ".long 4, 4, 4\n"
        ".ascii \"Go\\0\\0like\"\n"
        ".popsection");

/*
 * go_call: as Go's Syscall6 (src/runtime/internal/syscall/asm_linux_amd64.s): the number in rax,
 * the answer there. It is called with all other registers as the kernel wants them.
 *
 * like_call(in, out, stack): loads the registers from in, but rsp, which becomes stack, calls
 * go_call, and stores them in out. Its own values lie in variables meanwhile.
 */
__asm__(".text\n"
        ".balign 32, 0xcc\n"
        "int3\n"
        ".balign 32, 0xcc\n"
        "go_call:\n"
        "syscall\n"
        "cmpq $0xfffffffffffff001, %rax\n"
        "jbe 1f\n"
        "nop\n"
        "1: ret\n"
        "int3\n"
        ".balign 32, 0xcc\n"
        "like_call:\n"
        "pushq %rbx\n pushq %rbp\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
        "movq %rsi, like_out(%rip)\n"
        "movq %rsp, like_stack(%rip)\n"
        "movq %rdx, %rsp\n"
        "movq %rdi, %rcx\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "movups 128 + 16 * \\n(%rcx), %xmm\\n\n"
        ".endr\n"
        "movq (%rcx), %rax\n movq 8(%rcx), %rbx\n movq 16(%rcx), %rdx\n"
        "movq 24(%rcx), %rsi\n movq 32(%rcx), %rdi\n movq 40(%rcx), %rbp\n"
        "movq 48(%rcx), %r8\n movq 56(%rcx), %r9\n movq 64(%rcx), %r10\n"
        "movq 72(%rcx), %r12\n movq 80(%rcx), %r13\n movq 88(%rcx), %r14\n"
        "movq 96(%rcx), %r15\n"
        "call go_call\n"
        "movq like_out(%rip), %rcx\n"
        "movq %rax, (%rcx)\n movq %rbx, 8(%rcx)\n movq %rdx, 16(%rcx)\n"
        "movq %rsi, 24(%rcx)\n movq %rdi, 32(%rcx)\n movq %rbp, 40(%rcx)\n"
        "movq %r8, 48(%rcx)\n movq %r9, 56(%rcx)\n movq %r10, 64(%rcx)\n"
        "movq %r12, 72(%rcx)\n movq %r13, 80(%rcx)\n movq %r14, 88(%rcx)\n"
        "movq %r15, 96(%rcx)\n movq %rsp, 104(%rcx)\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "movups %xmm\\n, 128 + 16 * \\n(%rcx)\n"
        ".endr\n"
        "movq like_stack(%rip), %rsp\n"
        "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbp\n popq %rbx\n"
        "ret\n"
        ".globl _start\n"
        "_start: movq %rsp, %rdi\n"
        "andq $-16, %rsp\n"
        "call like_main\n"
        "like_restore: movl $15, %eax\n" /* rt_sigreturn */
        "syscall\n");

enum { RAX, RBX, RDX, RSI, RDI, RBP, R8, R9, R10, R12, R13, R14, R15, RSP, REGISTERS_KNOWN };
struct registers {
    uint64_t general[16], vector[32];
};
extern void like_call(const struct registers *in, struct registers *out, void *stack);
extern const char like_restore[];
struct registers *like_out;
void *like_stack;

static uint64_t storage[64];
static char *small; /* the end of a stack that has STACK_LEFT bytes above a page without access */
static volatile unsigned handled, handled_wrong;

#define GOROUTINE 0x676f726f7574696e

/* By an instruction of this program's own, which is not redirected. */
static long raw(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long answer;
    __asm__ volatile("syscall\n nop"
                     : "=a"(answer)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return answer;
}

static _Noreturn void end(int status)
{
    for (;;)
        raw(__NR_exit_group, status, 0, 0, 0, 0, 0);
}

static uint64_t word_of_thread(void)
{
    uint64_t word;
    __asm__ volatile("movq %%fs:-8, %0" : "=r"(word));
    return word;
}

static void check(const struct registers *in, const struct registers *out)
{
    unsigned long pointer = 0;
    for (unsigned i = RBX; i < RSP; i++)
        if (in->general[i] != out->general[i])
            end(REGISTERS);
    if (out->general[RSP] != (uintptr_t)small)
        end(REGISTERS);
    for (unsigned i = 0; i < 32; i++)
        if (in->vector[i] != out->vector[i])
            end(VECTORS);
    raw(__NR_arch_prctl, ARCH_GET_FS, (long)&pointer, 0, 0, 0, 0);
    if (pointer != (uintptr_t)(storage + 32) || word_of_thread() != GOROUTINE)
        end(STORAGE);
    if (handled_wrong)
        end(IN_A_HANDLER);
}

/* As Go code makes a call. */
static long call(long number, long a, long b, long c, long d, long e, long f)
{
    static uint64_t turn;
    struct registers in, out;
    for (unsigned i = 0; i < 16; i++)
        in.general[i] = ++turn * 0x9e3779b97f4a7c15;
    for (unsigned i = 0; i < 32; i++)
        in.vector[i] = ++turn * 0x9e3779b97f4a7c15;
    in.general[RAX] = (uint64_t)number;
    in.general[RDI] = (uint64_t)a;
    in.general[RSI] = (uint64_t)b;
    in.general[RDX] = (uint64_t)c;
    in.general[R10] = (uint64_t)d;
    in.general[R8] = (uint64_t)e;
    in.general[R9] = (uint64_t)f;
    like_call(&in, &out, small);
    check(&in, &out);
    return (long)out.general[RAX];
}

static void handler(int signal)
{
    (void)signal;
    handled++;
    if (word_of_thread() != GOROUTINE)
        handled_wrong++;
}

struct action {
    void (*handler)(int);
    unsigned long flags;
    const char *restorer;
    uint64_t mask;
};

static void start_timer(void)
{
    enum { SIG = 14, ON_STACK = 0x08000000, RESTORER = 0x04000000, SIZE = 65536 };
    static char alternate[SIZE];
    struct {
        void *at;
        long flags;
        size_t size;
    } stack = { alternate, 0, SIZE };
    struct action act = { handler, ON_STACK | RESTORER, like_restore, ~0UL };
    const long every[4] = { 0, 100, 0, 100 }; /* microseconds */
    raw(__NR_sigaltstack, (long)&stack, 0, 0, 0, 0, 0);
    raw(__NR_rt_sigaction, SIG, (long)&act, 0, 8, 0, 0);
    raw(__NR_setitimer, 0, (long)every, 0, 0, 0, 0);
}

static long count_maps(void)
{
    static char text[4096];
    long fd = raw(__NR_openat, -100, (long)"/proc/self/maps", 0, 0, 0, 0), count = 0, n;
    if (fd < 0)
        end(NO_MAPS);
    while ((n = raw(__NR_read, fd, (long)text, sizeof text, 0, 0, 0)) > 0 || n == -4)
        for (long i = 0; i < n; i++)
            count += text[i] == '\n';
    raw(__NR_close, fd, 0, 0, 0, 0, 0);
    return count;
}

static void print(long n)
{
    char text[24], *at = text + sizeof text;
    *--at = '\n';
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    raw(__NR_write, 1, (long)at, text + sizeof text - at, 0, 0, 0);
}

static long map_chunk(long fd, long n)
{
    enum { READ_WRITE = 3, SHARED = 1 };
    long at = call(__NR_mmap, 0, CHUNK, READ_WRITE, SHARED, fd, n * CHUNK);
    if (at < 0 && at > -4096)
        end(NO_CHUNK);
    return at;
}

static void map_chunks(const char *file, long count)
{
    enum { CREATE = 0102 };
    long fd = raw(__NR_openat, -100, (long)file, CREATE, 0600, 0, 0);
    if (fd < 0 || raw(__NR_ftruncate, fd, count * CHUNK, 0, 0, 0, 0) < 0)
        end(NO_FILE);
    long before = count_maps();
    for (long i = 0; i < count; i++) {
        long at = map_chunk(fd, i);
        *(volatile long *)at = i;
        if (i % 4 == 3) { /* and once more, at another place */
            long again = map_chunk(fd, i);
            if (*(volatile long *)again != i || call(__NR_munmap, again, CHUNK, 0, 0, 0, 0))
                end(BYTES);
        }
    }
    print(count_maps() - before);
}

__attribute__((used)) _Noreturn void like_main(const long *stack)
{
    long argc = stack[0], count = 0;
    if (argc != 3)
        end(BAD_USE);
    for (const char *c = (const char *)stack[3]; *c; c++)
        count = count * 10 + (*c - '0');
    storage[31] = GOROUTINE;
    raw(__NR_arch_prctl, ARCH_SET_FS, (long)(storage + 32), 0, 0, 0, 0);
    long pages = raw(__NR_mmap, 0, 8192, 3, 0x22, -1, 0);
    if (pages < 0 || raw(__NR_mprotect, pages, 4096, 0, 0, 0, 0))
        end(STACK);
    small = (char *)pages + 4096 + STACK_LEFT;
    start_timer();
    map_chunks((const char *)stack[2], count);
    if (!handled)
        end(NO_SIGNALS);
    end(0);
}
