/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sites_calls: what a call by a site leaves as it is, wherever it is made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "look.h"
#include "mapherd/mapherd.h"
#include "sites.h"
#include "step.h"

enum { PAGE = 4096 };

/* ---- registers ---- */

/* Calls function(a, b, c) with values in all registers that a system call keeps, and in 120 bytes
 * below the stack pointer of the function. Returns how many of them differ afterwards. */
static int changed_registers(void *function, uintptr_t a, uintptr_t b, uintptr_t c, long *answer)
{
    uintptr_t in[5] = { a, b, c, 0x8888, 0x9999 }, out[5], zone = 0;
    register uintptr_t *from __asm__("rbx") = in;
    register uintptr_t *to __asm__("r12") = out;
    register void *callee __asm__("r13") = function;
    long result;
    __asm__ volatile("movq %%rsp, %%r14\n"
                     "subq $512, %%rsp\n"
                     "andq $-16, %%rsp\n"
                     "movq $15, %%rcx\n"
                     "1: movq %%rcx, -136(%%rsp,%%rcx,8)\n"
                     "loop 1b\n"
                     "movq (%%rbx), %%rdi\n"
                     "movq 8(%%rbx), %%rsi\n"
                     "movq 16(%%rbx), %%rdx\n"
                     "movq 24(%%rbx), %%r8\n"
                     "movq 32(%%rbx), %%r9\n"
                     "call *%%r13\n"
                     "movq %%rdi, (%%r12)\n"
                     "movq %%rsi, 8(%%r12)\n"
                     "movq %%rdx, 16(%%r12)\n"
                     "movq %%r8, 24(%%r12)\n"
                     "movq %%r9, 32(%%r12)\n"
                     "xorl %%r15d, %%r15d\n"
                     "movq $15, %%rcx\n"
                     "2: movq -136(%%rsp,%%rcx,8), %%rdx\n"
                     "cmpq %%rcx, %%rdx\n"
                     "je 3f\n"
                     "incl %%r15d\n"
                     "3: loop 2b\n"
                     "movq %%r14, %%rsp\n"
                     "movq %%r15, %1\n"
                     : "=a"(result), "=m"(zone)
                     : "r"(from), "r"(to), "r"(callee)
                     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r14", "r15", "memory",
                       "cc");
    *answer = result;
    int differ = (int)zone;
    for (int i = 0; i < 5; i++)
        differ += in[i] != out[i];
    return differ;
}

static void check_registers(const char *name, void *function, uintptr_t a, uintptr_t b, uintptr_t c)
{
    long answer;
    errno = 77;
    int differ = changed_registers(function, a, b, c, &answer);
    if (differ || answer || errno != 77)
        die("%s: answer %ld, errno %d, %d registers or words changed", name, answer, errno, differ);
}

void play_registers(void)
{
    char *at =
        past.mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uintptr_t addr = (uintptr_t)at;
    if (at == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    check_registers("mprotect", (void *)past.mprotect, addr, PAGE, PROT_READ);
    check_registers("madvise", (void *)past.madvise, addr, PAGE, MADV_RANDOM);
    check_registers("posix_madvise", (void *)past.posix_madvise, addr, PAGE, POSIX_MADV_SEQUENTIAL);
    check_registers("mlock", (void *)past.mlock, addr, PAGE, 0);
    check_registers("munlock", (void *)past.munlock, addr, PAGE, 0);
    check_registers("munmap", (void *)past.munmap, addr, 4 * PAGE, 0);
    if (past.munmap(at + 1, PAGE) != -1 || errno != EINVAL)
        die("an error of munmap is not told: %s", strerror(errno));
    if (past.posix_madvise(at + 1, PAGE, POSIX_MADV_RANDOM) != EINVAL)
        die("an error of posix_madvise is not told");
    errno = 0;
    if (past.mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ||
        errno != EINVAL)
        die("an error of mmap is not told: %s", strerror(errno));
    puts("registers, red zone, errno and errors are those of a system call");
}

/* ---- a signal behind each instruction ---- */

static long traps, failed;

static void trapped(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    traps++;
    if (traps % 64 != 0)
        return;
    int error = errno;
    char *at =
        past.mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || past.mprotect(at, PAGE, PROT_READ) || past.munmap(at, 2 * PAGE))
        failed++;
    errno = error;
}

static void each_call(void)
{
    unsigned char present[4];
    char *at =
        past.mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        _exit(3);
    failed += past.mprotect(at, PAGE, PROT_READ) != 0;
    failed += past.pkey_mprotect(at, PAGE, PROT_READ | PROT_WRITE, -1) != 0;
    at[5] = 42;
    failed += past.madvise(at, PAGE, MADV_RANDOM) != 0;
    failed += past.posix_madvise(at, PAGE, POSIX_MADV_NORMAL) != 0;
    failed += past.mlock(at, PAGE) != 0;
    failed += past.munlock(at, PAGE) != 0;
    failed += past.mincore(at, PAGE, present) != 0;
    at = past.mremap(at, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    if (at == MAP_FAILED || at[5] != 42)
        _exit(4);
    failed += past.syscall(SYS_munmap, at, 64 * PAGE) != 0;
}

void play_steps(void)
{
    enum { ROUNDS = 8 };
    struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGTRAP, &action, NULL);
    each_call();
    for (int i = 0; i < ROUNDS; i++) {
        traps = i * (64 / ROUNDS); /* other instructions */
        step_each(true);
        each_call();
        step_each(false);
    }
    if (failed)
        die("%ld calls failed", failed);
    printf("%ld traps in the last round\n", traps);
}

/* ---- the callers, as an unwinder sees them ---- */

static void *anchor; /* where each_call returns to */
static long seen, unseen;

static void unwound(int sig)
{
    void *frames[64];
    int error = errno, n = backtrace(frames, 64), i = 0;
    (void)sig;
    while (i < n && frames[i] != anchor)
        i++;
    seen += i < n;
    unseen += i == n;
    errno = error;
}

__attribute__((noinline)) static void calls_unwound(void)
{
    anchor = __builtin_return_address(0);
    step_each(true);
    each_call();
    step_each(false);
}

static volatile sig_atomic_t waits;

/* Blocked in a call that is passed on. */
__attribute__((noinline)) static void wait_unwound(void)
{
    anchor = __builtin_return_address(0);
    waits = 1;
    past.syscall(SYS_pause);
    waits = 2;
}

static void *waiter(void *unused)
{
    wait_unwound();
    __asm__ volatile("" ::: "memory"); /* no tail call */
    return unused;
}

void play_unwind(void)
{
    struct sigaction action = { .sa_handler = unwound };
    pthread_t thread;
    void *frames[4];
    backtrace(frames, 4); /* it loads a library */
    each_call();
    sigaction(SIGTRAP, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    calls_unwound();
    printf("%ld places of a call without a caller\n", unseen);
    if (seen < 100)
        die("only %ld places seen", seen);
    unseen = 0;
    if (pthread_create(&thread, NULL, waiter, NULL) != 0)
        die("no thread");
    while (waits != 2) {
        usleep(1000);
        if (waits == 1)
            pthread_kill(thread, SIGUSR1);
    }
    pthread_join(thread, NULL);
    if (unseen)
        die("a blocked call has no caller");
}

/* ---- how much of the stack a call takes ---- */

enum { STACK = 64 << 10, PAINT = 0x5a };
static ucontext_t home, away;
static char small_stack[STACK] __attribute__((aligned(16)));
static char *stack = small_stack;

static size_t taken(void)
{
    size_t untouched = 0;
    while (untouched < STACK && stack[untouched] == PAINT)
        untouched++;
    return STACK - untouched;
}

static size_t measure(void (*work)(void))
{
    memset(stack, PAINT, STACK);
    if (getcontext(&away) != 0)
        die("getcontext");
    away.uc_stack.ss_sp = stack;
    away.uc_stack.ss_size = STACK;
    away.uc_link = &home;
    makecontext(&away, work, 0);
    if (swapcontext(&home, &away) != 0)
        die("swapcontext");
    return taken();
}

static void nothing(void)
{
}

static void fork_once(void)
{
    pid_t child = past.fork();
    if (child == 0)
        _exit(0);
}

enum { CALLS = 300 }; /* a record begins, and the metrics are looked at */
static volatile sig_atomic_t calls;

static void call_often(int sig)
{
    (void)sig;
    for (int i = 0; i < calls; i++)
        each_call();
}

/* What a handler takes of an alternate stack, with the kernel's own frame. */
static size_t measure_handler(int times)
{
    const stack_t own = { .ss_sp = stack, .ss_size = STACK }, none = { .ss_flags = SS_DISABLE };
    struct sigaction action = { .sa_handler = call_often, .sa_flags = SA_ONSTACK };
    calls = times;
    memset(stack, PAINT, STACK);
    if (sigaltstack(&own, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        die("sigaltstack: %s", strerror(errno));
    raise(SIGUSR1);
    sigaltstack(&none, NULL);
    return taken();
}

static size_t measure_calls(void)
{
    size_t most = 0, none = measure(nothing);
    for (int i = 0; i < CALLS; i++) {
        size_t now = measure(each_call) - none;
        most = now > most ? now : most;
    }
    return most;
}

/* The bounds are those of doc/design.md. */
void play_stack(void)
{
    char *as_of_thread =
        mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (as_of_thread == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    size_t handler = measure_handler(CALLS) - measure_handler(0);
    stack = as_of_thread; /* what is due since then is done here */
    size_t thread = measure_calls();
    stack = small_stack;
    size_t fiber = measure_calls(), fork = measure(fork_once) - measure(nothing);
    printf("bytes of stack: %zu as of a thread, %zu of a fiber, %zu of a handler, %zu for fork\n",
           thread, fiber, handler, fork);
    if (thread > 6144 || fiber > 2048 || handler > 2048 || fork > 2048)
        die("that is too much");
    if (thread <= fiber)
        die("what is due is never done");
}

/* ---- the code of libc ---- */

static const char *libc_path;
static uintptr_t libc_base;

static int find_libc(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    if (!strstr(info->dlpi_name, "/libc.so.6"))
        return 0;
    libc_path = info->dlpi_name;
    libc_base = info->dlpi_addr;
    return 1;
}

/* How many jumps the code has where the file has another instruction; each is five bytes. */
static long count_changes(const unsigned char *code, const unsigned char *file, size_t len)
{
    enum { JUMP = 0xe9, LENGTH = 5 };
    long count = 0;
    for (size_t i = 0; i < len; i++) {
        if (code[i] == file[i])
            continue;
        if (code[i] != JUMP)
            die("%zx differs, and is no jump", i);
        count++;
        i += LENGTH - 1;
    }
    return count;
}

/* Prints how many places of libc's code differ from its file. */
void play_bytes(void)
{
    dl_iterate_phdr(find_libc, NULL);
    int fd = libc_path ? open(libc_path, O_RDONLY) : -1;
    off_t size = lseek(fd, 0, SEEK_END);
    unsigned char *file = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd < 0 || file == MAP_FAILED)
        die("libc cannot be read: %s", strerror(errno));
    const ElfW(Ehdr) *header = (const void *)file;
    const ElfW(Phdr) *part = (const void *)(file + header->e_phoff);
    long changes = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (part[i].p_type == PT_LOAD && (part[i].p_flags & PF_X))
            changes += count_changes((const void *)(libc_base + part[i].p_vaddr),
                                     file + part[i].p_offset, part[i].p_filesz);
    printf("changes=%ld\n", changes);
}
