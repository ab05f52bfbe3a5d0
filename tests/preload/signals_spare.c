/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * signals_spare: a program that uses SIGSTKFLT, in every way in which a signal can be received.
 *
 * Each scene is a child of its own; what it finds is printed, and how it ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int caught;

static void count(int sig)
{
    (void)sig;
    caught = caught + 1;
}

static void handle(int sig, void (*handler)(int), const sigset_t *mask)
{
    struct sigaction a = { .sa_handler = handler };
    if (mask)
        a.sa_mask = *mask;
    sigaction(sig, &a, NULL);
}

/* Full, but for those. */
static sigset_t all_but(int first, ...)
{
    sigset_t set;
    va_list more;
    va_start(more, first);
    sigfillset(&set);
    for (int sig = first; sig; sig = va_arg(more, int))
        sigdelset(&set, sig);
    va_end(more);
    return set;
}

static sigset_t only(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    return set;
}

static void print_mask(const char *when)
{
    sigset_t now, pending;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    sigpending(&pending);
    printf("%s: blocked: SIGBUS %d SIGSTKFLT %d; pending: %d %d; caught %d\n", when,
           sigismember(&now, SIGBUS), sigismember(&now, SIGSTKFLT), sigismember(&pending, SIGBUS),
           sigismember(&pending, SIGSTKFLT), caught);
}

static int wait_for(const sigset_t *set)
{
    struct timespec none = { 0, 0 };
    siginfo_t info;
    int got = sigtimedwait(set, &info, &none);
    return got < 0 ? -errno : got;
}

/* A thread that takes nothing but the runtime's own signal. */
static pthread_barrier_t ready;
static void *stopped(void *unused)
{
    (void)unused;
    sigset_t mask = all_but(SIGSTKFLT, 0);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    pthread_barrier_wait(&ready);
    while (caught < 5)
        usleep(1000);
    return NULL;
}

static void runtime(void)
{
    pthread_t thread;
    handle(SIGSTKFLT, count, NULL);
    pthread_barrier_init(&ready, NULL, 2);
    pthread_create(&thread, NULL, stopped, NULL);
    pthread_barrier_wait(&ready);
    for (int i = 1; i <= 5; i++) {
        pthread_kill(thread, SIGSTKFLT);
        while (caught < i)
            usleep(1000);
    }
    pthread_join(thread, NULL);
    printf("stopped %d times\n", caught);
}

/* The mask comes first, and the handler after it; by signal(). */
static void handler_later(void)
{
    sigset_t bus = only(SIGBUS);
    sigprocmask(SIG_BLOCK, &bus, NULL);
    print_mask("SIGBUS blocked");
    signal(SIGSTKFLT, count);
    raise(SIGSTKFLT);
    print_mask("raised");
    raise(SIGBUS);
    print_mask("SIGBUS raised");
    printf("waited: %d\n", wait_for(&bus));
    sigprocmask(SIG_UNBLOCK, &bus, NULL);
    print_mask("SIGBUS unblocked");
}

/* What an init process of a container does: it waits for all and passes them on. */
static void waits_for_all(void)
{
    sigset_t all = all_but(0);
    sigprocmask(SIG_SETMASK, &all, NULL);
    raise(SIGSTKFLT);
    print_mask("raised");
    printf("waited: %d\n", wait_for(&all));
}

static void waits_for_most(void)
{
    sigset_t most = all_but(SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, 0), before;
    sigprocmask(SIG_SETMASK, &most, &before);
    raise(SIGSTKFLT);
    print_mask("raised");
    printf("waited: %d\n", wait_for(&most));
    sigprocmask(SIG_SETMASK, &before, NULL);
    print_mask("as before");
}

static void waits_for_one(void)
{
    sigset_t one = only(SIGSTKFLT), bus = only(SIGBUS);
    sigprocmask(SIG_BLOCK, &bus, NULL);
    sigprocmask(SIG_BLOCK, &one, NULL);
    raise(SIGSTKFLT);
    raise(SIGBUS);
    print_mask("raised");
    int got = 0;
    sigwait(&one, &got);
    printf("waited: %d, then %d\n", got, wait_for(&bus));
    sigprocmask(SIG_UNBLOCK, &bus, NULL);
    print_mask("SIGBUS unblocked");
}

static void by_descriptor(void)
{
    sigset_t one = only(SIGSTKFLT);
    sigprocmask(SIG_BLOCK, &one, NULL);
    int fd = signalfd(-1, &one, 0);
    raise(SIGSTKFLT);
    struct signalfd_siginfo info;
    printf("read: %d", read(fd, &info, sizeof info) == sizeof info);
    printf(" signal %u\n", info.ssi_signo);
    print_mask("read");
}

static void suspended(void)
{
    sigset_t all = all_but(0), but = all_but(SIGSTKFLT, 0);
    handle(SIGSTKFLT, count, NULL);
    sigprocmask(SIG_SETMASK, &all, NULL);
    raise(SIGSTKFLT);
    print_mask("raised");
    int answer = sigsuspend(&but);
    printf("sigsuspend %d %d\n", answer, errno == EINTR);
    raise(SIGSTKFLT);
    struct timespec none = { 0, 0 };
    ppoll(NULL, 0, &none, &but);
    print_mask("polled");
}

static void within(int sig)
{
    raise(SIGSTKFLT);
    print_mask(sig == SIGBUS ? "in the handler of SIGBUS" : "in a handler");
}

static void in_handlers(void)
{
    sigset_t one = only(SIGSTKFLT);
    handle(SIGSTKFLT, count, NULL);
    handle(SIGUSR1, within, &one);
    handle(SIGBUS, within, &one);
    raise(SIGUSR1);
    print_mask("after it");
    raise(SIGBUS);
    print_mask("after it");
}

static void most_in_a_handler(void)
{
    sigset_t most = all_but(SIGSEGV, SIGBUS, 0);
    handle(SIGUSR1, within, &most);
    handle(SIGBUS, count, NULL);
    raise(SIGUSR1);
    printf("not reached\n"); /* SIGSTKFLT has no handler */
}

static void by_old_calls(void)
{
    sigset(SIGSTKFLT, count);
    sighold(SIGBUS);
    sighold(SIGSTKFLT);
    raise(SIGSTKFLT);
    print_mask("held");
    sigrelse(SIGSTKFLT);
    print_mask("released");
    sigrelse(SIGBUS);
    print_mask("both");
}

static const struct scene {
    const char *name;
    void (*play)(void);
} scenes[] = {
    { "a runtime's signal", runtime },          { "a handler after the mask", handler_later },
    { "waits for all", waits_for_all },         { "waits for most", waits_for_most },
    { "waits for one", waits_for_one },         { "a descriptor", by_descriptor },
    { "sigsuspend and ppoll", suspended },      { "in handlers", in_handlers },
    { "most in a handler", most_in_a_handler }, { "the old calls", by_old_calls },
};

int main(void)
{
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        printf("-- %s\n", scenes[i].name);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            setvbuf(stdout, NULL, _IOLBF, 0);
            alarm(60);
            scenes[i].play();
            _exit(0);
        }
        int status;
        if (waitpid(child, &status, 0) != child)
            return 1;
        printf("ended %#x\n", (unsigned)status & ~0x80u); /* a core file or none */
    }
    return 0;
}
