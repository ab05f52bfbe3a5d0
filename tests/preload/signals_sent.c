/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * signals: SIGBUS that somebody sent, and children.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"

static volatile int calls;

static void note(int sig, siginfo_t *info, void *context)
{
    (void)context;
    calls = calls + 1;
    say("handler: %d code %d from %d value %d mask %lx\n", sig, info->si_code,
        info->si_pid == getpid(), info->si_code == SI_QUEUE ? info->si_value.sival_int : 0,
        (unsigned long)mask_now());
}

static void handle(int flags)
{
    struct sigaction a = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | flags };
    sigaction(SIGBUS, &a, NULL);
}

static void block(void)
{
    sigset_t bus = set_of(SIGBUS, 0);
    sigprocmask(SIG_BLOCK, &bus, NULL);
}

static void unblock(void)
{
    sigset_t bus = set_of(SIGBUS, 0);
    sigprocmask(SIG_UNBLOCK, &bus, NULL);
}

static bool pending(void)
{
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, SIGBUS);
}

/* ---- the ways to send it ---- */

static unsigned way, disposition;

static void send_it(void)
{
    switch (way) {
    case 0: kill(getpid(), SIGBUS); break;
    case 1: raise(SIGBUS); break;
    case 2: pthread_kill(pthread_self(), SIGBUS); break;
    case 3: sigqueue(getpid(), SIGBUS, (union sigval){ .sival_int = 42 }); break;
    default: {
        siginfo_t info = { .si_signo = SIGBUS, .si_code = BUS_ADRERR, .si_addr = (void *)0x1234 };
        syscall(SYS_rt_sigqueueinfo, getpid(), SIGBUS, &info);
    }
    }
}

static void dispose(void)
{
    switch (disposition) {
    case 0: break;
    case 1: signal(SIGBUS, SIG_IGN); break;
    case 2: handle(0); break;
    case 3: handle(SA_NODEFER); break;
    default: handle((int)SA_RESETHAND);
    }
}

static void unblocked(void)
{
    dispose();
    send_it();
    say("alive, pending %d mask %lx\n", pending(), (unsigned long)mask_now());
    say_action("now");
}

static void blocked(void)
{
    dispose();
    block();
    send_it();
    send_it();
    say("alive, pending %d mask %lx calls %d\n", pending(), (unsigned long)mask_now(), calls);
    unblock();
    say("alive, pending %d mask %lx calls %d\n", pending(), (unsigned long)mask_now(), calls);
    block();
    send_it();
    unblock();
    say("calls %d\n", calls);
}

static void say_info(const char *how, int r, const siginfo_t *info)
{
    say("%s: %d code %d from %d value %d\n", how, r, info->si_code, info->si_pid == getpid(),
        info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
}

static void waited(void)
{
    sigset_t bus = set_of(SIGBUS, 0);
    siginfo_t info;
    int sig = 0;
    struct timespec none = { 0, 0 };
    dispose();
    block();
    say("%d\n", sigtimedwait(&bus, &info, &none));
    send_it();
    memset(&info, 0, sizeof info);
    say_info("sigwaitinfo", sigwaitinfo(&bus, &info), &info);
    say("pending %d\n", pending());
    send_it();
    say("sigwait: %d", sigwait(&bus, &sig));
    say(" %d\n", sig);
    send_it();
    memset(&info, 0, sizeof info);
    say_info("sigtimedwait", sigtimedwait(&bus, &info, &none), &info);
    int fd = signalfd(-1, &bus, SFD_NONBLOCK);
    struct signalfd_siginfo read_info;
    say("signalfd: %zd\n", read(fd, &read_info, sizeof read_info));
    send_it();
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int ready = poll(&p, 1, 10000);
    memset(&read_info, 0, sizeof read_info);
    say("signalfd: %d %d code %d value %d\n", ready,
        (int)(read(fd, &read_info, sizeof read_info) == sizeof read_info), read_info.ssi_code,
        read_info.ssi_int);
    unblock();
    say("calls %d mask %lx\n", calls, (unsigned long)mask_now());
}

static void suspended(void)
{
    sigset_t none = set_of(0), hup = set_of(SIGHUP, 0);
    handle(0);
    block();
    send_it();
    say("calls %d\n", calls);
    say("sigsuspend %d", sigsuspend(&none));
    say(" calls %d mask %lx\n", calls, (unsigned long)mask_now());
    send_it();
    say("ppoll %d", ppoll(NULL, 0, NULL, &hup));
    say(" calls %d mask %lx\n", calls, (unsigned long)mask_now());
    send_it();
    unblock();
    say("calls %d\n", calls);
}

/* ---- threads ---- */

static pthread_barrier_t meet;
static pthread_t wanted_thread;

static void note_thread(int sig)
{
    (void)sig;
    say("handled by the right thread: %d\n", (int)pthread_equal(pthread_self(), wanted_thread));
    calls = calls + 1;
}

static void *open_thread(void *unused)
{
    (void)unused;
    unblock();
    pthread_barrier_wait(&meet);
    while (!calls)
        sched_yield();
    pthread_barrier_wait(&meet);
    return NULL;
}

/* Blocked in the main thread, open in another: that one gets what is sent to the process. */
static void other_thread(void)
{
    signal(SIGBUS, note_thread);
    block();
    pthread_barrier_init(&meet, NULL, 2);
    pthread_create(&wanted_thread, NULL, open_thread, NULL);
    pthread_barrier_wait(&meet);
    kill(getpid(), SIGBUS);
    pthread_barrier_wait(&meet);
    pthread_join(wanted_thread, NULL);
    say("calls %d pending %d\n", calls, pending());
    calls = 0;
    wanted_thread = pthread_self();
    pthread_kill(pthread_self(), SIGBUS);
    say("calls %d pending %d\n", calls, pending());
    unblock();
    say("calls %d pending %d\n", calls, pending());
}

static int ends[2]; /* a pipe that says when */

static void *idle_thread(void *unused)
{
    char end;
    (void)unused;
    say("mask %lx\n", (unsigned long)mask_now());
    pthread_barrier_wait(&meet);
    say("%zd\n", read(ends[0], &end, 1));
    return NULL;
}

static void *waiting_thread(void *unused)
{
    (void)unused;
    sigset_t bus = set_of(SIGBUS, 0);
    int sig = 0;
    sigwait(&bus, &sig);
    say("waited for %d\n", sig);
    return NULL;
}

/* Everybody blocks everything, and one waits: the way of many servers. No handler at all. */
static void everybody_blocks(void)
{
    enum { IDLE = 4 };
    pthread_t idle[IDLE], waiting;
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGALRM);
    if (pipe(ends))
        abort();
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_barrier_init(&meet, NULL, 2);
    for (int i = 0; i < IDLE; i++) {
        pthread_create(&idle[i], NULL, idle_thread, NULL);
        pthread_barrier_wait(&meet);
    }
    for (int i = 0; i < 20; i++) {
        kill(getpid(), SIGBUS);
        pthread_create(&waiting, NULL, waiting_thread, NULL);
        pthread_join(waiting, NULL);
    }
    close(ends[1]);
    for (int i = 0; i < IDLE; i++)
        pthread_join(idle[i], NULL);
}

/* ---- children ---- */

static void child_ends(pid_t child)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    say("child: %#x\n", (unsigned)status);
}

static void forked(void)
{
    handle(0);
    block();
    pid_t child = fork();
    if (child == 0) {
        say_action("child");
        kill(getpid(), SIGBUS);
        say("pending %d\n", pending());
        unblock();
        say("calls %d\n", calls);
        signal(SIGBUS, SIG_DFL);
        break_file(true);
        *broken.at = 1;
    }
    child_ends(child);
    say_action("parent");
    say("mask %lx calls %d\n", (unsigned long)mask_now(), calls);
}

/* What a vfork child changes is its own. */
static void vforked(void)
{
    handle(SA_NODEFER);
    block();
    pid_t child = vfork();
    if (child == 0) {
        signal(SIGBUS, SIG_DFL);
        say_action("child");
        unblock();
        kill(getpid(), SIGBUS);
        _exit(0);
    }
    child_ends(child);
    say_action("parent");
    say("mask %lx\n", (unsigned long)mask_now());
    unblock();
    kill(getpid(), SIGBUS);
    say("calls %d\n", calls);
}

static void spawn(void)
{
    extern char **environ;
    char *arguments[] = { (char *)own_path, "inherited", NULL };
    pid_t child;
    if (posix_spawn(&child, own_path, NULL, NULL, arguments, environ))
        abort();
    child_ends(child);
}

/* By fork, vfork and posix_spawn: with the mask of this one, and what a handler becomes. */
static void executed(void)
{
    for (volatile int i = 0; i < 2; i++) {
        pid_t child = i ? vfork() : fork();
        if (child == 0) {
            execl(own_path, own_path, "inherited", (char *)NULL);
            _exit(9);
        }
        child_ends(child);
    }
    spawn();
}

static void children(void)
{
    executed();
    handle(0);
    executed();
    block();
    executed();
    sigset_t full;
    sigfillset(&full);
    sigprocmask(SIG_SETMASK, &full, NULL);
    executed();
}

static void ignoring_children(void)
{
    signal(SIGBUS, SIG_IGN);
    executed();
}

/* ---- behind a filter that knows the calls of this program alone ---- */

static void mend(int sig)
{
    say("handler %d\n", sig);
    mend_file();
}

static void allow_few(void)
{
#define ALLOW(call) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW)
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(write),
        ALLOW(lseek), /* printf asks where it is */
        ALLOW(fstat),
        ALLOW(newfstatat),
        ALLOW(fcntl),
        ALLOW(ftruncate),
        ALLOW(rt_sigaction),
        ALLOW(rt_sigreturn),
        ALLOW(exit_group),
        BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };
    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    if (prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program, 0L, 0L))
        say("no seccomp\n");
}

static void sandboxed(void)
{
    break_file(true);
    signal(SIGBUS, mend);
    allow_few();
    *broken.at = 1;
    say("stored %d\n", *broken.at);
    say_action("now");
    signal(SIGBUS, SIG_DFL);
    say_action("now");
    handle(SA_NODEFER);
    say_action("now");
}

static void sandboxed_without(void)
{
    break_file(true);
    block();
    allow_few();
    say_action("now");
    *broken.at = 1;
}

void play_sent(void)
{
    for (way = 0; way < 5; way++) {
        for (disposition = 0; disposition < 5; disposition++) {
            say("way %u, disposition %u\n", way, disposition);
            if (way != 4 || disposition != 1) /* one that claims to be a fault is taken for one */
                play("open", unblocked);
            if (way != 4)
                play("blocked", blocked);
            if (way != 4)
                play("waited for", waited);
        }
        if (way != 4)
            play("suspended", suspended);
    }
    play("another thread", other_thread);
    play("everybody blocks", everybody_blocks);
    play("fork", forked);
    play("vfork", vforked);
    play("exec", children);
    play("exec, ignored", ignoring_children);
    play("sandbox", sandboxed);
    play("sandbox, blocked", sandboxed_without);
}
