/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * signals: faults, and what a handler sees.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../raw.h"
#include "signals.h"

static char stack[64 * 1024];
static volatile int depth, calls;
static sigjmp_buf out;

static bool on_other_stack(void)
{
    char here;
    return &here >= stack && &here < stack + sizeof stack;
}

/* What the handler sees, all of it but addresses of this process. */
static void tell(int sig, const siginfo_t *info, void *context)
{
    const ucontext_t *at = context;
    say("handler: signal %d mask %lx stack %d\n", sig, (unsigned long)mask_now(), on_other_stack());
    say("  code %d errno %d from %d value %d\n", info->si_code, info->si_errno,
        info->si_code <= 0 && info->si_pid == getpid(),
        info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
    if (info->si_code == BUS_ADRERR)
        say("  addr %+ld\n", (long)((char *)info->si_addr - (char *)broken.at));
    say("  mask to return to %lx, its stack: flags %x size %zu\n",
        (unsigned long)bits(&at->uc_sigmask), (unsigned)at->uc_stack.ss_flags,
        at->uc_stack.ss_size);
    say_action("  action");
}

static void telling(int sig, siginfo_t *info, void *context)
{
    tell(sig, info, context);
    mend_file();
}

static void short_one(int sig)
{
    say("handler: one argument %d mask %lx stack %d\n", sig, (unsigned long)mask_now(),
        on_other_stack());
    mend_file();
}

/* ---- every combination of flags, masks and stacks ---- */

static unsigned combination;

static void set_up(void (*handler)(int, siginfo_t *, void *), int flags, const sigset_t *mask)
{
    struct sigaction a = { .sa_flags = flags };
    if (flags & SA_SIGINFO)
        a.sa_sigaction = handler;
    else
        a.sa_handler = short_one;
    if (mask)
        a.sa_mask = *mask;
    sigaction(SIGBUS, &a, NULL);
}

static void combined(void)
{
    static const int flags[] = { SA_SIGINFO, SA_ONSTACK, SA_NODEFER, (int)SA_RESETHAND };
    sigset_t full, masks[] = { set_of(0), set_of(SIGUSR1, 0), set_of(SIGBUS, SIGHUP, 0) };
    sigset_t before = set_of(SIGUSR2, SIGWINCH, 0);
    sigfillset(&full);
    int wanted = 0;
    for (unsigned f = 0; f < 4; f++)
        if (combination & 1u << f)
            wanted |= flags[f];
    if (combination & 16) {
        stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
        sigaltstack(&other, NULL);
    }
    unsigned m = combination >> 5 & 3;
    sigprocmask(SIG_SETMASK, &before, NULL);
    break_file(combination % 3 != 0);
    set_up(telling, wanted, m == 3 ? &full : &masks[m]);
    *broken.at = 5;
    say("after: %d mask %lx\n", *broken.at, (unsigned long)mask_now());
    say_action("after");
    if (wanted & (int)SA_RESETHAND)
        set_up(telling, wanted, NULL);
    raise(SIGBUS);
    say("after: mask %lx\n", (unsigned long)mask_now());
    if (wanted & (int)SA_RESETHAND)
        raise(SIGBUS);
}

/* ---- leaving, nesting, changing ---- */

static void jump(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    calls = calls + 1;
    siglongjmp(out, 1);
}

/* As many threads of control that block and restore their mask in the handler do. */
static void jump_masked(int sig, siginfo_t *info, void *context)
{
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    sigprocmask(SIG_SETMASK, &old, NULL);
    jump(sig, info, context);
}

static void leave_often(void)
{
    sigset_t before = set_of(SIGUSR2, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    break_file(true);
    for (volatile int i = 0; i < 1000; i++) {
        set_up(i % 2 ? jump : jump_masked, SA_SIGINFO | (i % 3 ? 0 : SA_NODEFER), NULL);
        if (sigsetjmp(out, 1) == 0)
            *broken.at = 1;
    }
    say("%d calls, mask %lx\n", calls, (unsigned long)mask_now());
    set_up(telling, SA_SIGINFO, NULL);
    raise(SIGBUS);
}

static volatile int aside;

static void jump_aside(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    aside = aside + on_other_stack();
    siglongjmp(out, 1);
}

/* The stack is in use again after each: whoever ran elsewhere meanwhile has put it back. */
static void leave_other_stack(void)
{
    stack_t other = { .ss_sp = stack, .ss_size = sizeof stack }, now;
    sigaltstack(&other, NULL);
    break_file(true);
    set_up(jump_aside, SA_SIGINFO | SA_ONSTACK, NULL);
    for (volatile int i = 0; i < 100; i++)
        if (sigsetjmp(out, 1) == 0)
            *broken.at = 1;
    sigaltstack(NULL, &now);
    say("%d on the other stack, which is %zu bytes, flags %x\n", aside, now.ss_size,
        (unsigned)now.ss_flags);
}

static void nested(int sig, siginfo_t *info, void *context)
{
    if (++depth < 5)
        *broken.at = 6;
    tell(sig, info, context);
    mend_file();
}

static void nest(void)
{
    break_file(true);
    set_up(nested, SA_SIGINFO | SA_NODEFER, NULL);
    *broken.at = 7;
    say("depth %d\n", depth);
}

static void nest_and_die(void)
{
    break_file(true);
    set_up(nested, SA_SIGINFO, NULL);
    *broken.at = 7;
}

static void giving_up(int sig, siginfo_t *info, void *context)
{
    tell(sig, info, context);
    signal(SIGBUS, SIG_DFL);
}

static void give_up(void)
{
    break_file(true);
    set_up(giving_up, SA_SIGINFO, NULL);
    *broken.at = 8;
}

static void second(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    set_up(telling, SA_SIGINFO, NULL);
    tell(sig, info, context);
}

static void change(void)
{
    break_file(true);
    set_up(second, SA_SIGINFO | SA_NODEFER, NULL);
    *broken.at = 9;
    say("after: %d\n", *broken.at);
}

static void masking(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info;
    ucontext_t *to = context;
    uint64_t wanted = 1UL << (SIGBUS - 1) | 1UL << (SIGUSR1 - 1);
    if (calls++)
        wanted = 1UL << (SIGUSR1 - 1);
    memcpy(&to->uc_sigmask, &wanted, sizeof wanted);
    mend_file();
}

static void change_mask(void)
{
    break_file(true);
    set_up(masking, SA_SIGINFO, NULL);
    *broken.at = 10;
    say("after: mask %lx\n", (unsigned long)mask_now());
    raise(SIGBUS);
    say("pending: mask %lx\n", (unsigned long)mask_now());
    sigset_t none = set_of(0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    say("after: mask %lx calls %d\n", (unsigned long)mask_now(), calls);
}

void fault_without_handler(void)
{
    break_file(true);
    *broken.at = 1;
}

static void ignored(void)
{
    break_file(true);
    signal(SIGBUS, SIG_IGN);
    *broken.at = 1;
}

static void load(void)
{
    break_file(false);
    set_up(telling, SA_SIGINFO, NULL);
    say("loaded %d\n", *broken.at);
}

/* The kernel's own copying says EFAULT and sends nothing. */
static void system_call(void)
{
    break_file(true);
    set_up(telling, SA_SIGINFO, NULL);
    int fd = memfd_create("from", 0);
    say("%zd\n", write(fd, (char *)broken.at, 1));
}

static void raw_map(void)
{
    break_file(true);
    char *at =
        (char *)raw(SYS_mmap, NULL, 8192L, PROT_READ | PROT_WRITE, MAP_SHARED, broken.fd, 0L);
    broken.at = at + 4096;
    set_up(telling, SA_SIGINFO, NULL);
    *broken.at = 3;
    say("after: %d\n", *broken.at);
}

#if defined(__x86_64__)
static void jump_telling(int sig, siginfo_t *info, void *context)
{
    tell(sig, info, context);
    siglongjmp(out, 1);
}

/* A stack fault at an address that is none: SIGBUS of the kernel, without an address. */
static void no_address(void)
{
    __asm__ volatile(
        "push %%rbp; movabs $0x8000000000000000, %%rbp; mov (%%rbp), %%rax; pop %%rbp" ::
            : "rax", "memory");
}

static void bad_address(void)
{
    set_up(jump_telling, SA_SIGINFO, NULL);
    if (sigsetjmp(out, 1) == 0)
        no_address();
    signal(SIGBUS, SIG_DFL);
    no_address();
}

static void misalign(void)
{
    static long words[2];
    __asm__ volatile("pushf; orl $0x40000, (%%rsp); popf;"
                     "movl $1, 1(%0);"
                     "pushf; andl $~0x40000, (%%rsp); popf" ::"r"(words)
                     : "memory", "cc");
}

static volatile unsigned long faults;

static void aligned_again(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    ucontext_t *at = context;
    at->uc_mcontext.gregs[REG_EFL] &= ~0x40000L;
    __asm__ volatile("pushf; andl $~0x40000, (%%rsp); popf" ::: "memory", "cc");
    faults++;
    say("code %d\n", info->si_code);
}

static void misaligned(void)
{
    struct sigaction a = { .sa_sigaction = aligned_again, .sa_flags = SA_SIGINFO };
    sigaction(SIGBUS, &a, NULL);
    misalign();
    say("%lu faults\n", faults);
    signal(SIGBUS, SIG_DFL);
    misalign();
}
#endif

/* ---- memory that went bad: a page or two of the machine each time ---- */

static char *bad_page(void)
{
    char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(volatile char *)at = 1;
    broken.at = at;
    if (madvise(at, 4096, MADV_HWPOISON)) {
        say("no poison\n");
        _exit(0);
    }
    return at;
}

static void poisoned(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    say("code %d addr %ld lsb %d\n", info->si_code,
        (long)((char *)info->si_addr - (char *)broken.at), info->si_addr_lsb);
    siglongjmp(out, 1);
}

static void poison(void)
{
    set_up(poisoned, SA_SIGINFO, NULL);
    if (sigsetjmp(out, 1) == 0)
        *(volatile char *)bad_page() = 2;
    say("mask %lx\n", (unsigned long)mask_now());
    signal(SIGBUS, SIG_DFL);
    *broken.at = 3;
}

void play_poison(void)
{
    play("poison", poison);
}

/* ---- a huge page of which the machine has none ---- */

static void huge(void)
{
    char path[4096];
    struct statfs fs;
    snprintf(path, sizeof path, "%s/file", getenv("HUGE_FOLDER"));
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || fstatfs(fd, &fs) || ftruncate(fd, fs.f_bsize))
        say("no file\n");
    broken.at =
        mmap(NULL, (size_t)fs.f_bsize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    set_up(poisoned, SA_SIGINFO, NULL);
    if (sigsetjmp(out, 1) == 0) {
        *broken.at = 1;
        say("no fault\n");
        return;
    }
    signal(SIGBUS, SIG_DFL);
    *broken.at = 2;
}

void play_huge(void)
{
    play("huge", huge);
}

static void handled(int sig)
{
    (void)sig;
    say("handled\n");
    mend_file();
}

void fault_while_blocked(void)
{
    sigset_t bus = set_of(SIGBUS, 0);
    sigprocmask(SIG_BLOCK, &bus, NULL);
    signal(SIGBUS, handled);
    break_file(true);
    *broken.at = 1;
}

/* No function of libc's that is hooked, or that the loader has yet to find: that takes stack, too. */
static void only_map(int sig)
{
    (void)sig;
    raw(SYS_mmap, broken.at, 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
        -1, 0L);
}

size_t stack_used(const char *path, bool full, size_t size)
{
    enum { PAGES = 64 };
    char *top = stack + sizeof stack;
    stack_t other = { .ss_sp = top - size, .ss_size = size };
    struct sigaction a = { .sa_handler = only_map, .sa_flags = SA_ONSTACK };
    size_t unused = 0;
    broken.fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (broken.fd < 0 || ftruncate(broken.fd, PAGES * 4096L))
        abort();
    char *at = mmap(NULL, PAGES * 4096L, PROT_READ | PROT_WRITE, MAP_SHARED, broken.fd, 0);
    if (at == MAP_FAILED || (!full && ftruncate(broken.fd, 4096)))
        abort();
    broken.at = at + 40 * 4096;
    memset(stack, 0x5a, sizeof stack);
    syscall(SYS_getpid);
    if (sigaltstack(&other, NULL) || sigaction(SIGBUS, &a, NULL))
        abort();
    *broken.at = 1;
    while (unused < sizeof stack && stack[unused] == 0x5a)
        unused++;
    return sizeof stack - unused;
}

void fault_again(const char *path, unsigned times)
{
    enum { PAGES = 64 };
    broken.fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (broken.fd < 0 || ftruncate(broken.fd, PAGES * 4096L))
        abort();
    broken.at = mmap(NULL, PAGES * 4096L, PROT_READ | PROT_WRITE, MAP_SHARED, broken.fd, 0);
    if (broken.at == MAP_FAILED || ftruncate(broken.fd, 4096))
        abort();
    set_up(jump, SA_SIGINFO, NULL);
    for (volatile unsigned i = 0; i < times; i++)
        if (sigsetjmp(out, 1) == 0)
            broken.at[(1 + i % (PAGES - 1)) * 4096] = 1;
    say("%d calls\n", calls);
    if (sigsetjmp(out, 1) == 0) /* another fault, before which the log counts those */
        (void)*(volatile char *)&broken.at[4096];
}

/* The filesystem stops (XFS_IOC_GOINGDOWN): what is in memory can be read, and a store to a clean page
 * fails. */
void fault_of_stopped_disk(const char *path)
{
    unsigned at_once = 2;
    broken.fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (broken.fd < 0 || ftruncate(broken.fd, 8192))
        abort();
    broken.at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, broken.fd, 0);
    if (broken.at == MAP_FAILED)
        abort();
    say("%d\n", broken.at[0]);
    if (ioctl(broken.fd, _IOR('X', 125, unsigned), &at_once))
        abort();
    broken.at[0] = 1;
    say("stored\n");
}

int leave_after_zeros(const char *path, const char *way)
{
    broken.fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (broken.fd < 0 || ftruncate(broken.fd, 8192))
        abort();
    broken.at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, broken.fd, 0);
    if (broken.at == MAP_FAILED || ftruncate(broken.fd, 4096))
        abort();
    say("%d\n", broken.at[4096]);
    /* Past libc's ftruncate, which is hooked: the kernel alone says that the part is there again. */
    for (char round = 1; round < 30; round++) {
        if (syscall(SYS_ftruncate, broken.fd, 8192L) || pwrite(broken.fd, &round, 1, 4096) != 1 ||
            broken.at[4096] != round)
            return 3;
        if (syscall(SYS_ftruncate, broken.fd, 4096L) || broken.at[4096] != 0)
            return 4;
    }
    if (!strcmp(way, "exit"))
        exit(0);
    if (!strcmp(way, "exit-7"))
        exit(7);
    if (!strcmp(way, "_exit"))
        _exit(0);
    if (!strcmp(way, "_Exit"))
        _Exit(0);
    if (!strcmp(way, "quick_exit"))
        quick_exit(0);
    if (!strcmp(way, "syscall"))
        syscall(SYS_exit_group, 0);
    if (!strcmp(way, "child")) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        int status = -1;
        waitpid(child, &status, 0);
        exit(status == 0 ? 0 : 1);
    }
    return 0;
}

void play_faults(void)
{
    for (combination = 0; combination < 128; combination++)
        play("flags, masks, stacks", combined);
    play("siglongjmp", leave_often);
    play("siglongjmp, from another stack", leave_other_stack);
    play("nested", nest);
    play("nested, without SA_NODEFER", nest_and_die);
    play("back to the default", give_up);
    play("another handler", change);
    play("another mask", change_mask);
    play("no handler", fault_without_handler);
    play("ignored", ignored);
    play("load", load);
    play("system call", system_call);
    play("a map past libc", raw_map);
#if defined(__x86_64__)
    play("no address", bad_address);
    play("misaligned", misaligned);
#endif
}
