/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * hooks: the functions that have libc's names.
 *
 * Rules: A hook turns the program's call into the engine's, and the engine's answer into libc's: -1
 * and errno, which is written in no other case. Before the constructor, a hook is the plain system
 * call, and touches nothing that the loader has to relocate, because IFUNC resolvers of other
 * libraries call hooks that early (error.h). Names are bound with asm labels, so that headers and
 * _FILE_OFFSET_BITS cannot change them. A function that stays in the chain of preloaded libraries,
 * because it is a cancellation point or never returns, is looked up once, in the constructor.
 */
#define _GNU_SOURCE
#include "entry/hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/error.h"
#include "common/linked.h"
#include "entry/become.h"
#include "entry/buffers.h"
#include "entry/direct.h"
#include "entry/engine.h"
#include "entry/gate.h"
#include "entry/hook.h"
#include "entry/opens.h"
#include "entry/sigcalls.h"
#include "entry/signals.h"
#include "kernel/sys.h"
#include "mapherd/mapherd.h"
#include "tell/metrics.h"
#include "tell/status.h"

static int (*next_msync)(void *, size_t, int);
static int (*next_fallocate)(int, int, off_t, off_t);
static pid_t (*next__Fork)(void);
static pid_t (*next_fork)(void); /* where there is no _Fork: glibc before 2.34 */
static void (*next__exit)(int);
static void (*next_quick_exit)(int);

/* The constructor has looked up what it needs: this library is relocated. */
static bool started;
#define EARLY(answer)                        \
    do {                                     \
        if (__builtin_expect(!started, 0)) { \
            gate_early();                    \
            return (answer);                 \
        }                                    \
    } while (0)

/*
 * For hooks that look up the next function of the chain when they are called before the
 * constructor. While the library is not relocated they cannot: what is more than a system call
 * fails then.
 */
#define UNRELOCATED(answer)     \
    do {                        \
        if (!error_reachable()) \
            return (answer);    \
    } while (0)

static void find_fork(void)
{
    *(void **)&next__Fork = linked_next("_Fork");
    if (!next__Fork)
        *(void **)&next_fork = linked_next("fork");
}

void hooks_resolve(void)
{
    static const struct linked_name names[] = {
        { "msync", &next_msync },
        { "fallocate", &next_fallocate },
        { "_exit", &next__exit },
        { "quick_exit", &next_quick_exit },
    };
    LINKED_NEXT_ALL(names);
    find_fork();
    direct_resolve();
    sigcalls_resolve();
    become_resolve();
    opens_resolve();
    buffers_resolve();
    started = true;
}

static void *answer_pointer(long answer)
{
    if (!sys_failed(answer))
        return (void *)answer;
    error_set(-answer);
    return MAP_FAILED;
}

void *hook_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    EARLY(answer_pointer(sys_mmap((uintptr_t)addr, len, prot, flags, fd, offset)));
    return answer_pointer(engine_mmap((uintptr_t)addr, len, prot, flags, fd, offset));
}

void *hook_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));

int hook_munmap(void *addr, size_t len)
{
    EARLY(answer_int(sys_munmap((uintptr_t)addr, len)));
    return answer_int(engine_munmap((uintptr_t)addr, len));
}

void *hook_mremap(void *addr, size_t old_len, size_t new_len, int flags, void *new_addr)
{
    EARLY(
        answer_pointer(sys_mremap((uintptr_t)addr, old_len, new_len, flags, (uintptr_t)new_addr)));
    return answer_pointer(
        engine_mremap((uintptr_t)addr, old_len, new_len, flags, (uintptr_t)new_addr));
}

int hook_mprotect(void *addr, size_t len, int prot)
{
    EARLY(answer_int(sys_mprotect((uintptr_t)addr, len, prot)));
    return answer_int(engine_mprotect((uintptr_t)addr, len, prot));
}

int hook_pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
    EARLY(answer_int(sys_pkey_mprotect((uintptr_t)addr, len, prot, pkey)));
    return answer_int(engine_pkey_mprotect((uintptr_t)addr, len, prot, pkey));
}

int hook_madvise(void *addr, size_t len, int advice)
{
    EARLY(answer_int(sys_madvise((uintptr_t)addr, len, advice)));
    return answer_int(engine_madvise((uintptr_t)addr, len, advice));
}

/* Returns the error number. For POSIX_MADV_DONTNEED glibc does nothing, because the kernel's
 * MADV_DONTNEED throws pages away (sysdeps/unix/sysv/linux/posix_madvise.c). */
int hook_posix_madvise(void *addr, size_t len, int advice)
{
    if (advice == POSIX_MADV_DONTNEED)
        return 0;
    EARLY((int)-sys_madvise((uintptr_t)addr, len, advice));
    return (int)-engine_madvise((uintptr_t)addr, len, advice);
}

static long ask_next_msync(uintptr_t addr, size_t len, int flags)
{
    if (!next_msync)
        return sys_msync(addr, len, flags);
    return next_msync((void *)addr, len, flags) == 0 ? 0 : -error_get();
}

int hook_msync(void *addr, size_t len, int flags)
{
    EARLY(answer_int(sys_msync((uintptr_t)addr, len, flags)));
    return answer_int(engine_msync((uintptr_t)addr, len, flags, ask_next_msync));
}

int hook_mincore(void *addr, size_t len, unsigned char *vec)
{
    return answer_int(engine_mincore((uintptr_t)addr, len, vec));
}

/* mlock is not called by its name, which may lead to another library's function. */
static int lock_pages(const void *addr, size_t len)
{
    EARLY(answer_int(sys_mlock((uintptr_t)addr, len)));
    return answer_int(engine_mlock((uintptr_t)addr, len));
}

int hook_mlock(const void *addr, size_t len)
{
    return lock_pages(addr, len);
}

/* As glibc: without flags it is mlock; a kernel without mlock2 answers ENOSYS, which becomes
 * EINVAL. */
int hook_mlock2(const void *addr, size_t len, unsigned flags)
{
    if (!flags)
        return lock_pages(addr, len);
    long answer = started ? engine_mlock2((uintptr_t)addr, len, flags)
                          : sys_mlock2((uintptr_t)addr, len, flags);
    return answer_int(answer == -ENOSYS ? -EINVAL : answer);
}

int hook_munlock(const void *addr, size_t len)
{
    EARLY(answer_int(sys_munlock((uintptr_t)addr, len)));
    return answer_int(engine_munlock((uintptr_t)addr, len));
}

int hook_mlockall(int flags)
{
    EARLY(answer_int(sys_mlockall(flags)));
    return answer_int(engine_mlockall(flags));
}

int hook_munlockall(void)
{
    EARLY(answer_int(sys_munlockall()));
    return answer_int(engine_munlockall());
}

int hook_ftruncate(int fd, off_t len)
{
    EARLY(answer_int(sys_ftruncate(fd, len)));
    return answer_int(engine_ftruncate(fd, len));
}

int hook_ftruncate64(int fd, off_t len) __attribute__((alias("ftruncate")));

int hook_truncate(const char *path, off_t len)
{
    EARLY(answer_int(sys_truncate(path, len)));
    return answer_int(engine_truncate(path, len));
}

int hook_truncate64(const char *path, off_t len) __attribute__((alias("truncate")));

static long ask_next_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (!next_fallocate)
        return sys_fallocate(fd, mode, offset, len);
    return next_fallocate(fd, mode, offset, len) == 0 ? 0 : -error_get();
}

int hook_fallocate(int fd, int mode, off_t offset, off_t len)
{
    EARLY(answer_int(sys_fallocate(fd, mode, offset, len)));
    return answer_int(engine_fallocate(fd, mode, offset, len, ask_next_fallocate));
}

int hook_fallocate64(int fd, int mode, off_t offset, off_t len) __attribute__((alias("fallocate")));

void *hook_shmat(int id, const void *addr, int flags)
{
    EARLY(answer_pointer(sys_shmat(id, (uintptr_t)addr, flags)));
    return answer_pointer(engine_shmat(id, (uintptr_t)addr, flags));
}

/* struct rlimit and struct rlimit64 are the same where off_t has 64 bits. */
int hook_setrlimit(int resource, const struct rlimit *limit)
{
    return answer_int(engine_prlimit(0, resource, limit, NULL));
}

int hook_setrlimit64(int resource, const struct rlimit *limit) __attribute__((alias("setrlimit")));

int hook_prlimit(pid_t pid, int resource, const struct rlimit *limit, struct rlimit *before)
{
    return answer_int(engine_prlimit(pid, resource, limit, before));
}

int hook_prlimit64(pid_t pid, int resource, const struct rlimit *limit, struct rlimit *before)
    __attribute__((alias("prlimit")));

int hook_flock(int fd, int operation)
{
    EARLY(answer_int(sys_flock(fd, operation)));
    return answer_int(engine_flock(fd, operation));
}

int hook_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return answer_int(direct_prctl(option, a, b, c, d));
}

/* libc's fork does not come here: it calls its own _Fork, between the handlers. */
pid_t hook__Fork(void)
{
    UNRELOCATED(answer_int(sys_fork()));
    if (!next__Fork && !next_fork)
        find_fork();
    if (!next__Fork) /* fork runs the handlers itself */
        return next_fork ? next_fork() : answer_int(sys_fork());
    if (gate_sees_forks())
        return next__Fork();
    bool begun = gate_begin_fork();
    pid_t child = next__Fork();
    gate_end_fork(begun, child);
    return child;
}

/* A vfork child ends by this hook too: engine_exit leaves the memory of its parent as it is. */
void hook__exit(int status)
{
    if (started) {
        engine_exit();
        status = engine_status(status);
    }
    if (next__exit)
        next__exit(status);
    sys_exit_group(status);
}

void hook__Exit(int status) __attribute__((alias("_exit")));

/* libc's quick_exit does not end by the hook of _exit: at_quick_end in life.c does the rest. */
void hook_quick_exit(int status)
{
    if (started)
        status = engine_status(status);
    else if (error_reachable())
        *(void **)&next_quick_exit = linked_next("quick_exit");
    if (next_quick_exit)
        next_quick_exit(status);
    sys_exit_group(status);
}

int hook_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    return sigcalls_sigaction(sig, act, old);
}

int hook___sigaction(int sig, const struct sigaction *act, struct sigaction *old)
    __attribute__((alias("sigaction")));

sighandler_t hook_signal(int sig, sighandler_t handler)
{
    return sigcalls_signal(sig, handler);
}

sighandler_t hook_ssignal(int sig, sighandler_t handler) __attribute__((alias("signal")));
sighandler_t hook_bsd_signal(int sig, sighandler_t handler) __attribute__((alias("signal")));

sighandler_t hook_sysv_signal(int sig, sighandler_t handler)
{
    return sigcalls_sysv_signal(sig, handler);
}

sighandler_t hook___sysv_signal(int sig, sighandler_t handler)
    __attribute__((alias("sysv_signal")));

sighandler_t hook_sigset(int sig, sighandler_t handler)
{
    return sigcalls_sigset(sig, handler);
}

int hook_sigignore(int sig)
{
    return sigcalls_sigignore(sig);
}

int hook_siginterrupt(int sig, int interrupt)
{
    return sigcalls_siginterrupt(sig, interrupt);
}

int hook_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return sigcalls_sigprocmask(how, set, old);
}

int hook_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return sigcalls_pthread_sigmask(how, set, old);
}

int hook_sighold(int sig)
{
    return sigcalls_sighold(sig);
}

int hook_sigrelse(int sig)
{
    return sigcalls_sigrelse(sig);
}

int hook_sigblock(int mask)
{
    return sigcalls_sigblock(mask);
}

int hook_sigsetmask(int mask)
{
    return sigcalls_sigsetmask(mask);
}

int hook_siggetmask(void)
{
    return sigcalls_sigblock(0);
}

int hook_sigsuspend(const sigset_t *mask)
{
    return sigcalls_sigsuspend(mask);
}

int hook_execve(const char *path, char *const argv[], char *const envp[])
{
    UNRELOCATED(answer_int(sys_execve(path, argv, envp)));
    return become_execve(path, argv, envp);
}

int hook_execv(const char *path, char *const argv[])
{
    UNRELOCATED(-1);
    return become_execv(path, argv);
}

int hook_execvp(const char *file, char *const argv[])
{
    UNRELOCATED(-1);
    return become_execvp(file, argv);
}

int hook_execvpe(const char *file, char *const argv[], char *const envp[])
{
    UNRELOCATED(-1);
    return become_execvpe(file, argv, envp);
}

int hook_fexecve(int fd, char *const argv[], char *const envp[])
{
    UNRELOCATED(-1);
    return become_fexecve(fd, argv, envp);
}

int hook_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
    UNRELOCATED(-1);
    return become_execveat(fd, path, argv, envp, flags);
}

/* Passes the arguments after first on as a list. */
#define WITH_REST(answer)  \
    va_list rest;          \
    va_start(rest, first); \
    int result = answer;   \
    va_end(rest);          \
    return result

int hook_execl(const char *path, const char *first, ...)
{
    UNRELOCATED(-1);
    WITH_REST(become_execl(path, first, rest));
}

int hook_execlp(const char *file, const char *first, ...)
{
    UNRELOCATED(-1);
    WITH_REST(become_execlp(file, first, rest));
}

int hook_execle(const char *path, const char *first, ...)
{
    UNRELOCATED(-1);
    WITH_REST(become_execle(path, first, rest));
}

int hook_setuid(uid_t uid)
{
    UNRELOCATED(answer_int(sys_setuid(uid)));
    return become_setuid(uid);
}

int hook_setreuid(uid_t real, uid_t effective)
{
    UNRELOCATED(answer_int(sys_setreuid(real, effective)));
    return become_setreuid(real, effective);
}

int hook_setresuid(uid_t real, uid_t effective, uid_t saved)
{
    UNRELOCATED(answer_int(sys_setresuid(real, effective, saved)));
    return become_setresuid(real, effective, saved);
}

int hook_chroot(const char *path)
{
    UNRELOCATED(answer_int(sys_chroot(path)));
    return become_chroot(path);
}

int hook_unshare(int flags)
{
    UNRELOCATED(answer_int(sys_unshare(flags)));
    return become_unshare(flags);
}

int hook_setns(int fd, int kind)
{
    UNRELOCATED(answer_int(sys_setns(fd, kind)));
    return become_setns(fd, kind);
}

EXPORT const struct mapherd_status *mapherd_status(void)
{
    return &mapherd_status_block;
}
