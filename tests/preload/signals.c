/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * signals: the parts that the scenes share, and what sigaction and its kin report.
 *
 *     signals actions|faults|sent|poison|huge  prints what a program sees
 *     signals jumps N                        its handler jumps N times out of what it interrupts, which
 *                                            is sigaction of SIGBUS; then the action is read and set
 *     signals blocked                        faults while it blocks SIGBUS, and has a handler
 *     signals die                            faults, and has none
 *     signals stack FILE truncated|full SIZE how much of an alternate stack of that size a fault takes
 *     signals again FILE N                   faults as often behind the end of a file, by siglongjmp
 *     signals stopped FILE                   faults on an xfs that it shuts down
 *     signals leave FILE WAY                 loads from behind the end of a file, and ends
 *     signals inherited                      ... of what it was started with
 *     signals caught                         ends with 0 if the kernel has a handler for SIGBUS,
 *                                            though this program has set none
 */
#define _GNU_SOURCE
#include "signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

const char *own_path;
struct broken broken;

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vdprintf(1, format, arguments);
    va_end(arguments);
}

uint64_t bits(const sigset_t *set)
{
    uint64_t word;
    memcpy(&word, set, sizeof word);
    return word;
}

sigset_t set_of(int first, ...)
{
    sigset_t set;
    va_list more;
    sigemptyset(&set);
    va_start(more, first);
    for (int sig = first; sig; sig = va_arg(more, int))
        sigaddset(&set, sig);
    va_end(more);
    return set;
}

uint64_t mask_now(void)
{
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    return bits(&now);
}

void break_file(bool shared)
{
    broken.fd = memfd_create("broken", 0);
    if (broken.fd < 0 || ftruncate(broken.fd, 4096))
        abort();
    char *at = mmap((void *)0x20000000, 8192, PROT_READ | PROT_WRITE,
                    (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, broken.fd, 0);
    if (at == MAP_FAILED)
        abort();
    broken.at = at + 4096;
}

void mend_file(void)
{
    if (ftruncate(broken.fd, 8192))
        abort();
}

void play(const char *what, scene_function *scene)
{
    int status = -1;
    say("-- %s\n", what);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        alarm(600); /* a deadlock ends by SIGALRM */
        scene();
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    say("ended %#x\n", (unsigned)status);
}

static void one(int sig)
{
    (void)sig;
}

static void three(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
}

static const char *handler_name(const struct sigaction *a)
{
    return a->sa_handler == SIG_DFL   ? "default"
           : a->sa_handler == SIG_IGN ? "ignored"
           : a->sa_handler == one     ? "one"
           : a->sa_sigaction == three ? "three"
                                      : "another";
}

static void say_this(const char *when, const struct sigaction *a)
{
    say("%s: %s flags %x mask %lx restorer %d\n", when, handler_name(a), (unsigned)a->sa_flags,
        (unsigned long)bits(&a->sa_mask),
#if defined(__x86_64__)
        a->sa_restorer != NULL
#else
        0
#endif
    );
}

void say_action(const char *when)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    if (sigaction(SIGBUS, NULL, &a))
        say("%s: refused\n", when);
    else
        say_this(when, &a);
}

static void all_flags(void)
{
    static const unsigned flags[] = { SA_SIGINFO, SA_ONSTACK,   SA_RESTART,
                                      SA_NODEFER, SA_RESETHAND, SA_NOCLDSTOP,
                                      0x20000000, 0x400,        0x100 };
    struct sigaction old, wanted;
    say_action("at the start");
    for (unsigned i = 0; i < 1u << (sizeof flags / sizeof flags[0]); i++) {
        memset(&wanted, 0, sizeof wanted);
        memset(&old, 0, sizeof old);
        for (unsigned f = 0; f < sizeof flags / sizeof flags[0]; f++)
            if (i & 1u << f)
                wanted.sa_flags |= (int)flags[f];
        if (i % 5 == 0)
            wanted.sa_handler = i % 2 ? SIG_DFL : SIG_IGN;
        else if (i % 2)
            wanted.sa_handler = one;
        else
            wanted.sa_sigaction = three;
        if (i % 3)
            sigfillset(&wanted.sa_mask);
        if (i % 7 == 0)
            sigdelset(&wanted.sa_mask, SIGBUS);
        say("%d ", sigaction(SIGBUS, &wanted, &old));
        say_this("before", &old);
    }
    say_action("at the end");
    for (int sig = -1; sig < 68; sig++) {
        memset(&old, 0, sizeof old);
        say("%d: %d %s\n", sig, sigaction(sig, NULL, &old), handler_name(&old));
    }
}

static void old_functions(void)
{
    sighandler_t was;
#define TELL(call)                                                                  \
    was = (call);                                                                   \
    say("%s: %s mask %lx\n", #call,                                                 \
        was == SIG_ERR    ? "error"                                                 \
        : was == SIG_HOLD ? "held"                                                  \
                          : handler_name(&(struct sigaction){ .sa_handler = was }), \
        (unsigned long)mask_now());                                                 \
    say_action("  now")
    TELL(signal(SIGBUS, one));
    TELL(signal(SIGBUS, SIG_IGN));
    TELL(sysv_signal(SIGBUS, one));
    TELL(ssignal(SIGBUS, SIG_DFL));
    TELL(signal(SIGBUS, SIG_ERR));
    TELL(sigset(SIGBUS, one));
    TELL(sigset(SIGBUS, SIG_HOLD));
    TELL(sigset(SIGBUS, SIG_HOLD));
    TELL(sigset(SIGBUS, SIG_IGN));
    TELL(sigset(SIGBUS, SIG_ERR));
    TELL(signal(SIGUSR1, one));
    TELL(sigset(SIGUSR1, SIG_HOLD));
    TELL(sigset(SIGUSR1, SIG_DFL));
    TELL(signal(0, one));
    TELL(sigset(99, one));
#define TELL_INT(call)                                                  \
    say("%s: %d mask %lx\n", #call, (call), (unsigned long)mask_now()); \
    say_action("  now")
    TELL_INT(sigignore(SIGBUS));
    TELL_INT(siginterrupt(SIGBUS, 1));
    TELL_INT(signal(SIGBUS, one) == SIG_IGN);
    TELL_INT(siginterrupt(SIGBUS, 0));
    TELL_INT(signal(SIGBUS, one) == one);
    TELL_INT(siginterrupt(0, 1));
    TELL_INT(sighold(SIGBUS));
    TELL_INT(sigrelse(SIGBUS));
    TELL_INT(sighold(0));
    TELL_INT(sigrelse(65));
    TELL_INT(sigblock(0x4000));
    TELL_INT(sigblock(1 << (SIGBUS - 1)));
    TELL_INT(sigsetmask(0x7ffbfeff));
    TELL_INT(siggetmask());
    TELL_INT(sigsetmask(0));
}

static void masks(void)
{
    sigset_t full, empty = set_of(0), bus = set_of(SIGBUS, 0), faults, old;
    sigfillset(&full);
    faults = full;
    sigdelset(&faults, SIGBUS);
    sigdelset(&faults, SIGSEGV);
    sigset_t mixed = set_of(SIGBUS, SIGUSR1, SIGTERM, 0), other = set_of(SIGUSR2, SIGCHLD, 0);
    const sigset_t *sets[] = { &empty, &bus, &full, &faults, &mixed, &other, NULL };
    static const int ways[] = { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK, 77 };
    for (unsigned i = 0; i < 300; i++) {
        const sigset_t *set = sets[i * 5 % 7];
        int how = ways[i * 3 / 2 % 4];
        memset(&old, 0, sizeof old);
        int r = i % 2 ? sigprocmask(how, set, &old) : pthread_sigmask(how, set, &old);
        say("%u: %d, from %lx to %lx\n", i, r, (unsigned long)bits(&old),
            (unsigned long)mask_now());
    }
    old = mixed; /* both may be the same set */
    sigset_t *volatile alias = &old;
    sigprocmask(SIG_SETMASK, &old, alias);
    say("to %lx\n", (unsigned long)mask_now());
}

void look_at_inheritance(void)
{
    say("inherited: mask %lx\n", (unsigned long)mask_now());
    say_action("inherited");
}

void play_actions(void)
{
    play("flags", all_flags);
    play("old functions", old_functions);
    play("masks", masks);
}

static int caught(void)
{
    char line[128];
    unsigned long set = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "SigCgt: %lx", &set) == 1)
            break;
    return set & 1UL << (SIGBUS - 1) ? 0 : 1;
}

static sigjmp_buf to_main;
static volatile unsigned jumps, wanted_jumps;

static void jump(int sig)
{
    (void)sig;
    if (jumps < wanted_jumps) {
        jumps++;
        siglongjmp(to_main, 1);
    }
}

static void jump_out_of_sigaction(unsigned wanted)
{
    const struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { { 0, 0 }, { 0, 0 } };
    struct sigaction a = { .sa_handler = jump }, now;
    wanted_jumps = wanted;
    sigaction(SIGALRM, &a, NULL);
    /* The handler jumps there from the first signal on. */
    if (!sigsetjmp(to_main, 1))
        setitimer(ITIMER_REAL, &often, NULL);
    while (jumps < wanted)
        sigaction(SIGBUS, &a, NULL);
    setitimer(ITIMER_REAL, &never, NULL);
    for (int n = 0; n < 200; n++)
        sigaction(SIGBUS, &a, NULL);
    sigaction(SIGBUS, NULL, &now);
    say("%d\n", now.sa_handler == jump);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    own_path = argv[0];
    if (!strcmp(what, "actions"))
        play_actions();
    else if (!strcmp(what, "faults"))
        play_faults();
    else if (!strcmp(what, "sent"))
        play_sent();
    else if (!strcmp(what, "poison"))
        play_poison();
    else if (!strcmp(what, "huge"))
        play_huge();
    else if (!strcmp(what, "jumps"))
        jump_out_of_sigaction((unsigned)atoi(argv[2]));
    else if (!strcmp(what, "blocked"))
        fault_while_blocked();
    else if (!strcmp(what, "die"))
        fault_without_handler();
    else if (!strcmp(what, "stack"))
        say("%zu\n", stack_used(argv[2], !strcmp(argv[3], "full"), (size_t)atol(argv[4])));
    else if (!strcmp(what, "again"))
        fault_again(argv[2], (unsigned)atoi(argv[3]));
    else if (!strcmp(what, "stopped"))
        fault_of_stopped_disk(argv[2]);
    else if (!strcmp(what, "leave"))
        return leave_after_zeros(argv[2], argv[3]);
    else if (!strcmp(what, "inherited"))
        look_at_inheritance();
    else if (!strcmp(what, "caught"))
        return caught();
    else
        return 2;
    return 0;
}
