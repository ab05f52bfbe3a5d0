/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * direct: see direct.h.
 *
 * libseccomp sets its filters by libc's syscall. By the same function a process may end, fork,
 * become another program or another user, or get another root or other mounts. The library has to
 * know of these system calls, by their numbers. Any other call goes on to the next function in the
 * chain by a jump, with all its arguments and without a frame: a call like vfork returns twice, the
 * second time when such a frame would be gone.
 */
#define _GNU_SOURCE
#include "entry/direct.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "common/error.h"
#include "common/linked.h"
#include "entry/become.h"
#include "entry/engine.h"
#include "entry/gate.h"
#include "entry/signals.h"
#include "kernel/newer.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "sites/gostubs.h"
#include "trace/record.h"

#define TEXT_OF(number) #number
#define NUMBER(number) TEXT_OF(number)
#define HIDDEN __attribute__((visibility("hidden")))

/* Read by the assembly below. */
extern long (*direct_next)(long, ...) HIDDEN;
long (*direct_next)(long, ...);

/* STUBS_SITE: the hook of syscall passes the call on to libc, where a site has it. */
__attribute__((used)) const unsigned char direct_known_numbers[STUBS_NUMBERS] = {
    [SYS_prctl] = STUBS_ANSWER,      [SYS_seccomp] = STUBS_ANSWER,
    [SYS_exit_group] = STUBS_ANSWER, [SYS_execve] = STUBS_ANSWER,
    [SYS_execveat] = STUBS_ANSWER,   [SYS_chroot] = STUBS_ANSWER,
    [SYS_pivot_root] = STUBS_ANSWER, [SYS_setuid] = STUBS_ANSWER,
    [SYS_setreuid] = STUBS_ANSWER,   [SYS_setresuid] = STUBS_ANSWER,
    [SYS_unshare] = STUBS_ANSWER,    [SYS_setns] = STUBS_ANSWER,
    [SYS_mprotect] = STUBS_ANSWER,   [SYS_madvise] = STUBS_ANSWER,
    [SYS_mremap] = STUBS_ANSWER,     [SYS_pkey_mprotect] = STUBS_ANSWER,
    [SYS_mlock] = STUBS_ANSWER,      [SYS_mlock2] = STUBS_ANSWER,
    [SYS_msync] = STUBS_ANSWER,      [SYS_remap_file_pages] = STUBS_ANSWER,
    [SYS_mbind] = STUBS_ANSWER,      [SYS_mincore] = STUBS_ANSWER,
    [SYS_mlockall] = STUBS_ANSWER,   [SYS_userfaultfd] = STUBS_ANSWER,
    [SYS_munlockall] = STUBS_ANSWER, [SYS_exit] = STUBS_ANSWER,
    [SYS_clone] = STUBS_FORK,        [SYS_setrlimit] = STUBS_ANSWER,
    [SYS_prlimit64] = STUBS_ANSWER,  [SYS_mmap] = STUBS_SITE,
    [SYS_munmap] = STUBS_SITE,       [SYS_shmat] = STUBS_SITE,
    [SYS_munlock] = STUBS_SITE,
#ifdef SYS_fork
    [SYS_fork] = STUBS_ANSWER,
#endif
};

/* A call on a range, which finds the file there and not the placeholder of what is cold: the
 * mappings are warm for good. */
static void meet_cold(long number, uintptr_t addr, size_t len, size_t new_len)
{
    switch (number) {
    case SYS_userfaultfd: cold_withdraw(); break; /* a registration cannot be given back */
    case SYS_mlockall:
        cold_lock_future(addr & MCL_FUTURE);
        cold_forgo(0, UINTPTR_MAX);
        break;
    case SYS_munlockall: cold_lock_future(false); break;
    case SYS_mremap: len = len ? len : new_len; __attribute__((fallthrough));
    case SYS_mprotect:
    case SYS_pkey_mprotect:
    case SYS_madvise:
    case SYS_mlock:
    case SYS_mlock2:
    case SYS_msync:
    case SYS_mbind:
    case SYS_mincore:
    case SYS_remap_file_pages: cold_forgo(addr, addr + len); break;
    }
}

/* clang-format off */
/* The child of such a clone(2) has its parent's memory, thread or table of descriptors. */
#define SHARES (CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_THREAD | CLONE_SETTLS)

#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall: endbr64\n"
        "cmpq $512, %rdi\n" /* STUBS_NUMBERS */
        "jae 1f\n"
        "leaq direct_known_numbers(%rip), %rax\n"
        "movzbl (%rax,%rdi), %eax\n"
        "testl %eax, %eax\n"
        "je 1f\n"
        "cmpl $2, %eax\n" /* STUBS_FORK */
        "jb direct_known\n"
        "ja 1f\n"
        "testq %rdx, %rdx\n" /* the child's stack */
        "jne 1f\n"
        "testl $(" NUMBER(SHARES) "), %esi\n"
        "je direct_known\n"
        "1: movq direct_next(%rip), %rax\n"
        "testq %rax, %rax\n"
        "je direct_known\n"
        "jmp *%rax\n"
        ".size syscall, . - syscall\n"
        ".popsection");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall: hint #34\n" /* bti c */
        "cmp x0, #512\n" /* STUBS_NUMBERS */
        "b.hs 1f\n"
        "adrp x16, direct_known_numbers\n"
        "add x16, x16, :lo12:direct_known_numbers\n"
        "ldrb w16, [x16, x0]\n"
        "cbz w16, 1f\n"
        "cmp w16, #2\n" /* STUBS_FORK */
        "b.lo direct_known\n"
        "b.hi 1f\n"
        "cbnz x2, 1f\n" /* the child's stack */
        "movz w16, #((" NUMBER(SHARES) ") & 0xffff)\n"
        "movk w16, #((" NUMBER(SHARES) ") >> 16), lsl #16\n"
        "tst w1, w16\n"
        "b.eq direct_known\n"
        "1: adrp x16, direct_next\n"
        "ldr x16, [x16, :lo12:direct_next]\n"
        "cbz x16, direct_known\n"
        "br x16\n"
        ".size syscall, . - syscall\n"
        ".popsection");
#endif
/* clang-format on */

static bool resolved; /* the constructor has come that far */

void direct_resolve(void)
{
    *(void **)&direct_next = linked_next("syscall");
    resolved = true;
}

/* The handler of SIGBUS goes last: threads that store to pages which are being returned need it. */
static void withdraw(void)
{
    engine_enter_sandbox();
    signals_stop();
}

long direct_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (engine_sandboxes(option, a))
        withdraw();
    return sys_prctl(option, a, b, c, d);
}

/* Whether the process leaves something before the call: the rules are those of become.h. */
static bool leads_out(long number, long a, long b, long c)
{
    switch (number) {
    case SYS_execve:
    case SYS_execveat:
    case SYS_chroot:
    case SYS_pivot_root: return true;
    case SYS_setuid: return become_gives_up((uid_t)a);
    case SYS_setreuid: return become_gives_up((uid_t)a) && become_gives_up((uid_t)b);
    case SYS_setresuid:
        return become_gives_up((uid_t)a) && become_gives_up((uid_t)b) && become_gives_up((uid_t)c);
    case SYS_unshare: return a & CLONE_NEWNS;
    case SYS_setns: return !b || (b & CLONE_NEWNS);
    default: return false;
    }
}

static long go_through(long number, long a, long b, long c, long d, long e, long f)
{
    struct become_left left = { false, false };
    if ((number == SYS_unshare && become_needs_one_thread((int)a)) ||
        (number == SYS_setns && (!b || (b & (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWTIME)))))
        cold_withdraw();
    if (leads_out(number, a, b, c))
        left = become_leave(number == SYS_execve || number == SYS_execveat);
    long answer = sys_call(number, a, b, c, d, e, f);
    if (number == SYS_unshare && answer == 0 && (a & CLONE_NEWNS))
        record_forgo();
    else
        become_return(left);
    return answer;
}

static bool is_fork(long number)
{
#ifdef SYS_fork
    if (number == SYS_fork)
        return true;
#endif
    return number == SYS_clone;
}

/* What libc's fork does by its handlers. */
static long fork_through(long number, long a, long b, long c, long d, long e, long f)
{
    bool begun = gate_begin_fork();
    long answer = sys_call(number, a, b, c, d, e, f);
    gate_end_fork(begun, answer);
    return answer;
}

/* ---- what comes by a site of libc ---- */

/* The calls of hooks that change the mappings. False: it is another one. */
static bool ask_engine(long number, long a, long b, long c, long d, long e, long f, long *answer)
{
    uintptr_t addr = (uintptr_t)a;
    size_t len = (size_t)b;
    switch (number) {
    case SYS_mmap: *answer = engine_mmap(addr, len, (int)c, (int)d, (int)e, f); break;
    case SYS_munmap: *answer = engine_munmap(addr, len); break;
    case SYS_mremap: *answer = engine_mremap(addr, len, (size_t)c, (int)d, (uintptr_t)e); break;
    case SYS_mprotect: *answer = engine_mprotect(addr, len, (int)c); break;
    case SYS_pkey_mprotect: *answer = engine_pkey_mprotect(addr, len, (int)c, (int)d); break;
    case SYS_madvise: *answer = engine_madvise(addr, len, (int)c); break;
    case SYS_mincore: *answer = engine_mincore(addr, len, (void *)c); break;
    case SYS_mlock: *answer = engine_mlock(addr, len); break;
    case SYS_mlock2: *answer = engine_mlock2(addr, len, (unsigned)c); break;
    case SYS_munlock: *answer = engine_munlock(addr, len); break;
    case SYS_mlockall: *answer = engine_mlockall((int)a); break;
    case SYS_munlockall: *answer = engine_munlockall(); break;
    case SYS_shmat: *answer = engine_shmat((int)a, (uintptr_t)b, (int)c); break;
    default: return false;
    }
    return true;
}

static long answer_known(long number, long a, long b, long c, long d, long e, long f)
{
    long answer;
    if (gate_sees_forks() && ask_engine(number, a, b, c, d, e, f, &answer))
        return answer;
    if (number == SYS_prctl)
        return direct_prctl((int)a, (unsigned long)b, (unsigned long)c, (unsigned long)d,
                            (unsigned long)e);
    if (number == SYS_seccomp && engine_filters((unsigned long)a, (unsigned long)c))
        withdraw();
    if (number != SYS_prctl && number != SYS_seccomp)
        meet_cold(number, (uintptr_t)a, (size_t)b, (size_t)c);
    if (!resolved)
        return sys_call(number, a, b, c, d, e, f);
    if (number == SYS_setrlimit)
        engine_limits(0, (int)a, (const void *)b);
    if (number == SYS_prlimit64)
        engine_limits(a, (int)b, (const void *)c);
    if (is_fork(number))
        return fork_through(number, a, b, c, d, e, f);
    if (number == SYS_exit && engine_thread_ends())
        number = SYS_exit_group;
    if (number == SYS_exit_group) {
        engine_exit();
        a = engine_status((int)a);
    }
    return go_through(number, a, b, c, d, e, f);
}

extern long direct_known(long, long, long, long, long, long, long) HIDDEN;
__attribute__((used)) long direct_known(long number, long a, long b, long c, long d, long e, long f)
{
    long answer = answer_known(number, a, b, c, d, e, f);
    if (!sys_failed(answer))
        return answer;
    error_set(-answer);
    return -1;
}

static uintptr_t libc_start, libc_end;

static long answer_site(long number, long a, long b, long c, long d, long e, long f,
                        uintptr_t caller)
{
    bool own = caller - libc_start < libc_end - libc_start;
    if (own && number == SYS_mmap)
        return engine_mmap_own((uintptr_t)a, (size_t)b, (int)c, (int)d, (int)e, f);
    if (own && number == SYS_mprotect)
        return engine_mprotect_own((uintptr_t)a, (size_t)b, (int)c);
    return answer_known(number, a, b, c, d, e, f);
}

bool direct_redirect(uintptr_t start, uintptr_t end)
{
    libc_start = start;
    libc_end = end;
    return stubs_start(direct_known_numbers, SHARES, answer_site);
}

/* ---- what comes by a site of a Go program ---- */

/* Not what the child of a vfork calls on its way to another program, because that has the memory of
 * its parent, and not exit, which would never give its stack back. */
const unsigned char direct_go_numbers[STUBS_NUMBERS] = {
    [SYS_mmap] = STUBS_ANSWER,    [SYS_munmap] = STUBS_ANSWER,
    [SYS_mremap] = STUBS_ANSWER,  [SYS_mprotect] = STUBS_ANSWER,
    [SYS_madvise] = STUBS_ANSWER, [SYS_pkey_mprotect] = STUBS_ANSWER,
    [SYS_mincore] = STUBS_ANSWER, [SYS_shmat] = STUBS_ANSWER,
    [SYS_mlock] = STUBS_ANSWER,   [SYS_mlock2] = STUBS_ANSWER,
    [SYS_munlock] = STUBS_ANSWER, [SYS_mlockall] = STUBS_ANSWER,
    [SYS_prctl] = STUBS_ANSWER,   [SYS_munlockall] = STUBS_ANSWER,
    [SYS_seccomp] = STUBS_ANSWER, [SYS_exit_group] = STUBS_ANSWER,
    [SYS_clone] = STUBS_FORK,
#ifdef SYS_fork
    [SYS_fork] = STUBS_ANSWER,
#endif
};

static long answer_go(long number, long a, long b, long c, long d, long e, long f, uintptr_t caller)
{
    (void)caller;
    return answer_known(number, a, b, c, d, e, f);
}

bool direct_redirect_go(uintptr_t stacks)
{
    return gostubs_start(direct_go_numbers, SHARES, answer_go, stacks);
}
