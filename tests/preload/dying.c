/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * dying: what handlers of SIGBUS do that want the program to die of it, or to live, as crash reporters
 * and the runtimes of languages have them. Each way runs in a child that is traced; what it prints, how it
 * ended, and the siginfo of the last SIGBUS before that, are told. dying.sh compares that with the library
 * and without.
 *
 *     dying FILE truncated|full
 *
 * The fault is a load and then a store behind the end of FILE, which is truncated; or a store to a hole of
 * FILE, on a filesystem that is full.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (64 * 4096)
#define AT 0x20000000UL

static const char *path;
static bool full;
static int fd;
static volatile char *at;
static struct sigaction old;
static sigjmp_buf out;
static volatile int depth;
static char alternate[64 << 10];

static void say(const char *text)
{
    if (write(1, text, strlen(text)) < 0)
        abort();
}

static void to_default(void)
{
    struct sigaction a = { .sa_handler = SIG_DFL };
    sigaction(SIGBUS, &a, NULL);
}

static void fault(void)
{
    if (!full) {
        char seen = at[40 * 4096 + 5];
        (void)seen;
    }
    at[41 * 4096 + 9] = 1;
}

/* ---- what handlers do ---- */

static void reset(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    say("reset\n");
    to_default();
}

static void only_report(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    say("report\n");
    if (++depth == 20)
        _exit(9);
}

static void put_old_back(int sig, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    say("old back\n");
    sigaction(sig, &old, NULL);
}

static void raise_again(int sig, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    say("raise\n");
    signal(sig, SIG_DFL);
    raise(sig);
}

static void kill_again(int sig, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    say("kill\n");
    signal(sig, SIG_DFL);
    kill(getpid(), sig);
    if (gettid() != getpid())
        pause(); /* the first thread dies of it */
}

static void tgkill_again(int sig, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    say("tgkill\n");
    signal(sig, SIG_DFL);
    syscall(SYS_tgkill, getpid(), gettid(), sig);
}

/* Go's: unblocked, so that it dies before the handler returns. */
static void raise_unblocked(int sig, siginfo_t *info, void *context)
{
    sigset_t bus;
    (void)info, (void)context;
    say("raise unblocked\n");
    sigemptyset(&bus);
    sigaddset(&bus, sig);
    signal(sig, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &bus, NULL);
    raise(sig);
    _exit(2);
}

/* Crashpad's and breakpad's: what came by itself comes again, what was sent is sent again. */
static void again_with_info(int sig, siginfo_t *info, void *context)
{
    (void)context;
    say("again with its siginfo\n");
    to_default();
    if (info->si_code <= 0)
        syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, info);
}

/* Breakpad where libc's sigaction is not trusted. */
static void reset_past_libc(int sig, siginfo_t *info, void *context)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } plain = { NULL, 0, NULL, 0 };
    (void)info, (void)context;
    say("reset past libc\n");
    syscall(SYS_rt_sigaction, sig, &plain, NULL, sizeof plain.mask);
}

static void fork_and_reset(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    pid_t child = fork();
    if (child == 0)
        _exit(7);
    int status = 0;
    waitpid(child, &status, __WALL);
    say(WEXITSTATUS(status) == 7 ? "dumped by a child\n" : "the child failed\n");
    to_default();
}

static void give_up(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    say("abort\n");
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void leave(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    say("leave\n");
    _exit(3);
}

static void jump(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    say("jump\n");
    siglongjmp(out, 1);
}

static void mend(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    say("mend\n");
    if (mmap((void *)((uintptr_t)info->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        abort();
}

static void fault_inside(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    say("inside\n");
    if (depth++ < 3)
        fault();
    to_default();
}

/* HotSpot's: another handler for what goes wrong in the report, then abort. */
static void crash_report(int sig, siginfo_t *info, void *context)
{
    struct sigaction a = { .sa_sigaction = give_up, .sa_flags = SA_SIGINFO | SA_NODEFER };
    (void)info, (void)context;
    say("crash report\n");
    sigaction(sig, &a, NULL);
    fault();
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
    say("pass on\n");
    if (old.sa_flags & SA_SIGINFO)
        old.sa_sigaction(sig, info, context);
    else
        to_default();
}

/* ---- ways ---- */

static void set_up(void (*handler)(int, siginfo_t *, void *), int flags)
{
    stack_t other = { .ss_sp = alternate, .ss_size = sizeof alternate };
    struct sigaction a = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };
    sigaltstack(&other, NULL);
    sigaction(SIGBUS, &a, &old);
}

static void jump_then(void (*handler)(int))
{
    set_up(jump, 0);
    for (volatile int i = 0; i < 3; i++)
        if (!sigsetjmp(out, 1))
            fault();
    signal(SIGBUS, handler);
    fault();
}

static void block(void)
{
    sigset_t bus;
    sigemptyset(&bus);
    sigaddset(&bus, SIGBUS);
    set_up(only_report, 0);
    pthread_sigmask(SIG_BLOCK, &bus, NULL);
    fault();
}

static void jump_and_stay_blocked(void)
{
    set_up(jump, 0);
    if (!sigsetjmp(out, 0))
        fault();
    fault();
}

static void take(int way)
{
    switch (way) {
    case 0: fault(); break;
    case 1: set_up(reset, 0), fault(); break;
    case 2: set_up(only_report, (int)SA_RESETHAND), fault(); break;
    case 3: set_up(only_report, (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK)), fault(); break;
    case 4: set_up(put_old_back, SA_ONSTACK), fault(); break;
    case 5: set_up(raise_again, 0), fault(); break;
    case 6:
        set_up(raise_again, SA_NODEFER | SA_ONSTACK), fault();
        break; /* Python's faulthandler */
    case 7: set_up(kill_again, 0), fault(); break;
    case 8: set_up(tgkill_again, 0), fault(); break;
    case 9: set_up(raise_unblocked, SA_ONSTACK), fault(); break;
    case 10: set_up(again_with_info, SA_ONSTACK), fault(); break;
    case 11: set_up(again_with_info, 0), raise(SIGBUS); break;
    case 12: set_up(reset_past_libc, 0), fault(); break;
    case 13: set_up(fork_and_reset, SA_ONSTACK), fault(); break;
    case 14: set_up(give_up, 0), fault(); break;
    case 15: set_up(leave, 0), fault(); break;
    case 16: jump_then(SIG_DFL); break;
    case 17: jump_then(SIG_IGN); break;
    case 18: set_up(mend, 0), fault(); break;
    case 19: set_up(fault_inside, 0), fault(); break;
    case 20: set_up(fault_inside, SA_NODEFER), fault(); break;
    case 21: set_up(crash_report, SA_NODEFER), fault(); break;
    case 22: set_up(reset, 0), set_up(pass_on, 0), fault(); break;
    case 23: set_up(pass_on, 0), fault(); break;
    case 24: block(); break;
    case 25: jump_and_stay_blocked(); break;
    case 26: signal(SIGBUS, SIG_IGN), fault(); break;
    case 27: signal(SIGBUS, SIG_IGN), set_up(put_old_back, 0), fault(); break;
    }
    say("went on\n");
}
enum { WAYS = 28 };

static void *in_thread(void *way)
{
    take(*(int *)way);
    return NULL;
}

static void start(int way, bool thread)
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    alarm(60);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, SIZE))
        abort();
    at = mmap((void *)AT, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (at == MAP_FAILED || (!full && ftruncate(fd, 4096)))
        abort();
    pthread_t other;
    if (!thread)
        take(way);
    else if (pthread_create(&other, NULL, in_thread, &way) || pthread_join(other, NULL))
        abort();
    _exit(0);
}

/* ---- the tracer ---- */

struct last {
    int code;
    long address;
    bool by_itself;
};

static void look(pid_t pid, pid_t process, struct last *last)
{
    siginfo_t info;
    if (ptrace(PTRACE_GETSIGINFO, pid, NULL, &info))
        return;
    last->code = info.si_code;
    last->address = info.si_code > 0 ? (long)((uintptr_t)info.si_addr - AT) : 0;
    last->by_itself = info.si_code > 0 || info.si_pid == process;
}

static void play(int way, bool thread)
{
    printf("-- %d%s\n", way, thread ? ", in a thread" : "");
    fflush(stdout);
    pid_t process = fork();
    if (process == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        start(way, thread);
    }
    int status;
    struct last last = { 0, 0, false };
    bool started = false;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0)
            abort();
        if (!WIFSTOPPED(status)) {
            if (pid == process)
                break;
            continue;
        }
        int sig = WSTOPSIG(status), pass = sig;
        if (sig == SIGSTOP || status >> 16 || sig == SIGTRAP)
            pass = 0;
        if (!started) {
            started = true;
            ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
        }
        if (sig == SIGBUS)
            look(pid, process, &last);
        ptrace(PTRACE_CONT, pid, NULL, (void *)(long)pass);
    }
    if (WIFSIGNALED(status))
        printf("killed by %d", WTERMSIG(status));
    else
        printf("exit %d", WEXITSTATUS(status));
    printf(", SIGBUS code %d at %ld%s\n", last.code, last.address,
           last.by_itself ? "" : ", from another");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    path = argv[1];
    full = strcmp(argv[2], "full") == 0;
    for (int way = 0; way < WAYS; way++) {
        play(way, false);
        play(way, true);
    }
    return 0;
}
