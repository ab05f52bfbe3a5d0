/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * A library with an IFUNC whose resolver calls every hook. The loader relocates libraries in the reverse
 * of the order in which it loads them: libc, this one, its user (early_user.c), for which the resolver is
 * called, and only then the preloaded library. The table of hooks is mapherd's own: a hook without a scene
 * here does not compile.
 */
#define _GNU_SOURCE
#include "early.h"
#include "memory_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { SIZE = 16 }; /* of the memory for a call */

struct early early_answers[EARLY_MAX];
unsigned early_count;

extern int pkey_mprotect(void *, size_t, int, int);
extern sighandler_t ssignal(int, sighandler_t), bsd_signal(int, sighandler_t),
    sysv_signal(int, sighandler_t), __sysv_signal(int, sighandler_t), sigset(int, sighandler_t);
extern int __sigaction(int, const struct sigaction *, struct sigaction *);
extern int sigignore(int), siginterrupt(int, int), sighold(int), sigrelse(int), sigblock(int),
    sigsetmask(int), siggetmask(void);

static void note(long answer)
{
    early_answers[early_count++].answer = answer;
}

static char *area(void)
{
    return mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#define IN_AREA(call)      \
    do {                   \
        char *at = area(); \
        note(call);        \
        munmap(at, 8192);  \
    } while (0)

static void call_mmap(void)
{
    char *at = area();
    at[0] = 1;
    note(at[0]);
    note(munmap(at, 8192));
    note(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}
static void call_mmap64(void)
{
    note(mmap64(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}
static void call_munmap(void)
{
    note(munmap((void *)1, 1));
}
static void call_mremap(void)
{
    char *at = mremap(area(), 8192, 16384, MREMAP_MAYMOVE);
    at[16383] = 3;
    note(at[16383]);
    note(munmap(at, 16384));
}
static void call_mprotect(void)
{
    IN_AREA(mprotect(at, 4096, PROT_NONE));
    note(mprotect((void *)1, 1, 0));
}
static void call_pkey_mprotect(void)
{
    IN_AREA(pkey_mprotect(at, 4096, PROT_READ, -1));
}
static void call_madvise(void)
{
    IN_AREA(madvise(at, 4096, MADV_DONTNEED));
    note(madvise((void *)1, 1, 4));
}
static void call_posix_madvise(void)
{
    IN_AREA(posix_madvise(at, 4096, POSIX_MADV_WILLNEED));
}
static void call_msync(void)
{
    IN_AREA(msync(at, 4096, MS_ASYNC));
    note(msync((void *)1, 1, MS_SYNC));
}
static void call_mincore(void)
{
    unsigned char there;
    IN_AREA(mincore(at, 4096, &there));
}
static void call_mlock(void)
{
    IN_AREA(mlock(at, 4096));
}
static void call_mlock2(void)
{
    IN_AREA(mlock2(at, 4096, 1));
}
static void call_munlock(void)
{
    IN_AREA(munlock(at, 4096));
}
static void call_mlockall(void)
{
    note(mlockall(-1));
}
static void call_munlockall(void)
{
    note(munlockall());
}
static void call_ftruncate(void)
{
    note(ftruncate(-1, 0));
}
static void call_ftruncate64(void)
{
    note(ftruncate64(-1, 0));
}
static void call_truncate(void)
{
    note(truncate("", 0));
}
static void call_truncate64(void)
{
    note(truncate64("", 0));
}
static void call_fallocate(void)
{
    note(fallocate(-1, 0, 0, 1));
}
static void call_fallocate64(void)
{
    note(fallocate64(-1, 0, 0, 1));
}
static void call_shmat(void)
{
    note(shmat(-1, NULL, 0) == (void *)-1);
}
static void call_setrlimit(void)
{
    struct rlimit limit = { 0, 0 };
    note(setrlimit(-1, &limit));
}
static void call_setrlimit64(void)
{
    struct rlimit64 limit = { 0, 0 };
    note(setrlimit64(-1, &limit));
}
static void call_prlimit(void)
{
    note(prlimit(0, -1, NULL, NULL));
}
static void call_prlimit64(void)
{
    note(prlimit64(0, -1, NULL, NULL));
}
static void call_flock(void)
{
    note(flock(-1, LOCK_SH));
}
static void call_prctl(void)
{
    note(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static void call_syscall(void)
{
    note(syscall(SYS_getpid) == getpid());
    note(syscall(SYS_close, -1L));
    note(syscall(SYS_prctl, (long)PR_GET_DUMPABLE, 0L, 0L, 0L, 0L));
}

static void ends(void (*f)(int))
{
    int status = -1;
    pid_t child = vfork();
    if (child == 0)
        f(7);
    note(waitpid(child, &status, 0) == child);
    note(status);
}
static void call__Fork(void)
{
    int status = -1;
    pid_t child = _Fork();
    if (child == 0)
        _exit(8);
    note(waitpid(child, &status, 0) == child);
    note(status);
}
static void call__exit(void)
{
    ends(_exit);
}
static void call__Exit(void)
{
    ends(_exit);
}
static void call_quick_exit(void)
{
    ends(quick_exit);
}

static void on_signal(int sig)
{
    (void)sig;
}

/* Sets an action and asks for it, with SIGUSR1 and with SIGBUS. */
static void call_sigaction(void)
{
    static const int signals[] = { SIGUSR1, SIGBUS };
    for (int i = 0; i < 2; i++) {
        struct sigaction act = { .sa_flags = SA_RESTART }, old = { .sa_flags = 0 };
        act.sa_handler = on_signal;
        note(sigaction(signals[i], &act, NULL));
        note(sigaction(signals[i], NULL, &old));
        note(old.sa_handler == on_signal);
        act.sa_handler = SIG_DFL;
        note(sigaction(signals[i], &act, NULL));
    }
    note(sigaction(0, NULL, NULL));
}
static void call___sigaction(void)
{
    note(__sigaction(0, NULL, NULL));
}

static void handler_by(sighandler_t (*set)(int, sighandler_t))
{
    note(set(SIGUSR2, on_signal) == SIG_DFL);
    note(set(SIGUSR2, SIG_DFL) == on_signal);
    note(set(99, SIG_DFL) == SIG_ERR);
}
static void call_signal(void)
{
    handler_by(signal);
}
static void call_ssignal(void)
{
    handler_by(ssignal);
}
static void call_bsd_signal(void)
{
    handler_by(bsd_signal);
}
static void call_sysv_signal(void)
{
    handler_by(sysv_signal);
}
static void call___sysv_signal(void)
{
    handler_by(__sysv_signal);
}
static void call_sigset(void)
{
    handler_by(sigset);
    note(sigset(SIGUSR2, SIG_HOLD) == SIG_DFL);
    sigset(SIGUSR2, SIG_DFL);
}
static void call_sigignore(void)
{
    note(sigignore(SIGUSR2));
    note(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}
static void call_siginterrupt(void)
{
    note(siginterrupt(SIGUSR2, 1));
}

static void call_sigprocmask(void)
{
    sigset_t none = { { 0 } }, old;
    note(sigprocmask(SIG_SETMASK, &none, &old));
    note(sigprocmask(77, &none, NULL));
    note(sigprocmask(SIG_SETMASK, &old, NULL));
}
static void call_pthread_sigmask(void)
{
    sigset_t none = { { 0 } };
    note(pthread_sigmask(SIG_BLOCK, &none, NULL));
    note(pthread_sigmask(77, &none, NULL));
}
static void call_sighold(void)
{
    note(sighold(SIGUSR2));
    note(siggetmask());
}
static void call_sigrelse(void)
{
    note(sigrelse(SIGUSR2));
    note(siggetmask());
}
static void call_sigblock(void)
{
    note(sigblock(1 << (SIGBUS - 1)));
}
static void call_sigsetmask(void)
{
    note(sigsetmask(0));
}
static void call_siggetmask(void)
{
    note(siggetmask());
}
static void call_sigsuspend(void)
{
    static const sigset_t *volatile nothing;
    note(sigsuspend(nothing)); /* EFAULT: it does not wait */
}

/* Those that become another program or user: the system call where there is one, else an error. */
static char nowhere[] = "/nonexistent/program";
static char *const arguments[] = { nowhere, 0 };
static void call_execve(void)
{
    note(execve(nowhere, arguments, arguments + 1));
}
static void call_execv(void)
{
    note(execv(nowhere, arguments));
}
static void call_execvp(void)
{
    note(execvp(nowhere, arguments));
}
static void call_execvpe(void)
{
    note(execvpe(nowhere, arguments, arguments + 1));
}
static void call_fexecve(void)
{
    note(fexecve(-1, arguments, arguments + 1));
}
static void call_execveat(void)
{
    note(execveat(-1, nowhere, arguments, arguments + 1, 0));
}
static void call_execl(void)
{
    note(execl(nowhere, nowhere, (char *)0));
}
static void call_execlp(void)
{
    note(execlp(nowhere, nowhere, (char *)0));
}
static void call_execle(void)
{
    note(execle(nowhere, nowhere, (char *)0, arguments + 1));
}
static void call_setuid(void)
{
    note(setuid(getuid()));
}
static void call_setreuid(void)
{
    note(setreuid((uid_t)-1, (uid_t)-1));
}
static void call_setresuid(void)
{
    note(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1));
}
static void call_chroot(void)
{
    note(chroot(nowhere));
}
static void call_unshare(void)
{
    note(unshare(-1));
}
static void call_setns(void)
{
    note(setns(-1, 0));
}

extern int __open_2(const char *, int), __open64_2(const char *, int),
    __openat_2(int, const char *, int), __openat64_2(int, const char *, int);

/* A file that is there, and one that is not. */
#define OPENS(call)                      \
    do {                                 \
        const char *path = "/dev/null";  \
        int fd = call;                   \
        note(fd >= 0 && close(fd) == 0); \
        path = nowhere;                  \
        note(call);                      \
    } while (0)
static void call_open(void)
{
    OPENS(open(path, O_RDONLY));
    note(open("/dev/null/none", O_CREAT | O_RDWR, 0600));
}
static void call_open64(void)
{
    OPENS(open64(path, O_RDONLY));
}
static void call_openat(void)
{
    OPENS(openat(AT_FDCWD, path, O_RDONLY));
}
static void call_openat64(void)
{
    OPENS(openat64(-1, path, O_RDONLY));
}
static void call___open_2(void)
{
    OPENS(__open_2(path, O_RDONLY));
}
static void call___open64_2(void)
{
    OPENS(__open64_2(path, O_RDONLY));
}
static void call___openat_2(void)
{
    OPENS(__openat_2(-1, path, O_RDONLY));
}
static void call___openat64_2(void)
{
    OPENS(__openat64_2(-1, path, O_RDONLY));
}
static void call_fopen(void)
{
    note(fopen(nowhere, "r") == NULL);
}
static void call_fopen64(void)
{
    note(fopen64(nowhere, "r") == NULL);
}

/* ---- what takes memory of the program ---- */

/* The sum of the bytes tells what was read. */
static long sum(const char *buf)
{
    long s = 0;
    for (unsigned i = 0; i < SIZE; i++)
        s = s * 3 + buf[i];
    return s;
}

/* Defines the scene of a function that reads or writes a device. */
#define TRANSFERS(device, name, call)                                \
    static void call_##name(void)                                    \
    {                                                                \
        enum { len = 9, offset = 3, here = -1 };                     \
        char buf[SIZE] = "before relocatio";                         \
        struct split split;                                          \
        int fd = (int)syscall(SYS_openat, AT_FDCWD, device, O_RDWR); \
        split_memory(&split, buf, len);                              \
        note(call);                                                  \
        note(sum(buf));                                              \
        close(fd);                                                   \
        note(call);                                                  \
    }

/* Defines the scene of a function for sockets, at one end of a pair. The other end has sent two
 * messages. */
#define SOCKETS(end, name, call)                                     \
    static void call_##name(void)                                    \
    {                                                                \
        enum { len = SIZE, flags = 0, many = 1 };                    \
        char buf[SIZE] = "before relocatio";                         \
        struct split split;                                          \
        int pair[2] = { -1, -1 };                                    \
        note(syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, pair)); \
        for (int i = 0; i < 2; i++)                                  \
            syscall(SYS_sendto, pair[0], "two words", 9, 0, 0, 0);   \
        int fd = pair[end];                                          \
        split_memory(&split, buf, len);                              \
        note(call);                                                  \
        note(sum(buf));                                              \
        close(pair[0]);                                              \
        close(pair[1]);                                              \
        note(call);                                                  \
    }

static void call_getrandom(void)
{
    char drawn[16];
    note(getrandom(drawn, sizeof drawn, 0));
    note(getrandom(drawn, sizeof drawn, ~0U));
}
static void call_getentropy(void)
{
    char drawn[300];
    volatile size_t most = 256;
    note(getentropy(drawn, most));
    note(getentropy(drawn, most + 1));
}

/* Defines the scene of a function that waits: for a device that is always ready, and for none. */
#define WAITS(name, call)                                                 \
    static void call_##name(void)                                         \
    {                                                                     \
        const struct timespec given = { 0, 1000 }, *time = &given;        \
        int ms = -1;                                                      \
        int fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/zero", O_RDWR); \
        struct pollfd fds[1] = { { .fd = fd, .events = POLLIN } };        \
        nfds_t n = 1;                                                     \
        note(call);                                                       \
        note(fds[0].revents);                                             \
        fds[0].fd = -1;                                                   \
        ms = 1;                                                           \
        note(call);                                                       \
        note(ms + time->tv_nsec);                                         \
        close(fd);                                                        \
    }

/* Of stdio, only what reads and writes nothing answers as alone. */
#define STREAMS(name, call)          \
    static void call_##name(void)    \
    {                                \
        char buf[SIZE] = "";         \
        volatile size_t nothing = 0; \
        size_t len = nothing;        \
        FILE *file = stdin;          \
        note((long)(call));          \
    }

#define SCENE_READS(name, call) TRANSFERS("/dev/zero", name, call)
#define SCENE_READS_AT(name, call) TRANSFERS("/dev/zero", name, call)
#define SCENE_WRITES(name, call) TRANSFERS("/dev/null", name, call)
#define SCENE_WRITES_AT(name, call) TRANSFERS("/dev/null", name, call)
#define SCENE_SENDS(name, call) SOCKETS(0, name, call)
#define SCENE_SENDS_MANY(name, call) SOCKETS(0, name, call)
#define SCENE_RECEIVES(name, call) SOCKETS(1, name, call)
#define SCENE_RECEIVES_MANY(name, call) SOCKETS(1, name, call)
#define SCENE_DRAWS(name, call) /* above */
#define SCENE_WAITS(name, call) WAITS(name, call)
#define SCENE_STREAMS_IN(name, call) STREAMS(name, call)
#define SCENE_STREAMS_OUT(name, call) STREAMS(name, call)
#define CALL(kind, name, call) SCENE_##kind(name, call)
#include "memory_calls.def"

static int one(void)
{
    return 1;
}

static int (*resolve(void))(void)
{
#define HOOK(name, type, parameters) call_##name();
#include "entry/hooks.def"
#undef HOOK
    return one;
}

int early_picked(void) __attribute__((ifunc("resolve")));
