/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* The scenes. A hook that is added to the table without a scene does not compile here. */
#define _GNU_SOURCE
#include "contexts_calls.h"
#include "memory_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE };
typedef const char *outcome;
typedef void *map_call(void *, size_t, int, int, int, off_t);

bool parts_start(struct part *parts, unsigned count)
{
    int fd = memfd_create("contexts", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)count * PART_PAGES * PAGE))
        return false;
    for (unsigned i = 0; i < count; i++) {
        parts[i] = (struct part){ .fd = fd, .offset = (off_t)i * PART_PAGES * PAGE };
        parts[i].own_fd = memfd_create("contexts-own", MFD_CLOEXEC);
        parts[i].tag = (uint64_t)(i + 1) << 32;
        snprintf(parts[i].own_name, sizeof parts[i].own_name, "/proc/self/fd/%d", parts[i].own_fd);
        if (parts[i].own_fd < 0)
            return false;
    }
    return true;
}

static volatile uint64_t *word(char *at)
{
    return (volatile uint64_t *)at;
}

/* Stores through a map of the part, and asks the file. */
static bool reaches_file(struct part *p, char *at, off_t offset)
{
    uint64_t value = ++p->tag, found = 0;
    *word(at) = value;
    return pread(p->fd, &found, sizeof found, offset) == sizeof found && found == value;
}

/* Maps the part twice and drops the first: the second must not care. */
static outcome map_twice(struct part *p, map_call *map)
{
    char *first = map(NULL, 2 * PAGE, RW, MAP_SHARED, p->fd, p->offset);
    char *second = map(NULL, 2 * PAGE, RW, MAP_SHARED, p->fd, p->offset);
    if (first == MAP_FAILED || second == MAP_FAILED)
        return "does not map";
    if (first == second)
        return "maps the same part twice to one address";
    if (!reaches_file(p, first + PAGE, p->offset + PAGE))
        return "a store does not reach the file";
    if (munmap(first, 2 * PAGE) || *word(second + PAGE) != p->tag)
        return "the second map does not outlive the first";
    return munmap(second, 2 * PAGE) ? "does not unmap" : NULL;
}

static outcome play_mmap(struct part *p)
{
    return map_twice(p, mmap);
}

static outcome play_mmap64(struct part *p)
{
    return map_twice(p, (map_call *)mmap64);
}

static char *three_pages(struct part *p)
{
    char *at = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, p->fd, p->offset);
    return at == MAP_FAILED ? NULL : at;
}

static outcome play_munmap(struct part *p)
{
    char *at = three_pages(p);
    unsigned char resident;
    if (!at || munmap(at + PAGE, PAGE))
        return "does not unmap the middle";
    if (mincore(at + PAGE, PAGE, &resident) == 0 || errno != ENOMEM)
        return "the middle is still there"; /* nobody else maps 4 KiB in this program */
    if (!reaches_file(p, at, p->offset) || !reaches_file(p, at + 2 * PAGE, p->offset + 2 * PAGE))
        return "what was left is wrong";
    return munmap(at, PAGE) || munmap(at + 2 * PAGE, PAGE) ? "does not unmap" : NULL;
}

static outcome play_mremap(struct part *p)
{
    char *at = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return "no memory";
    *word(at) = ++p->tag;
    at = mremap(at, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    if (at == MAP_FAILED || *word(at) != p->tag || *word(at + 2 * PAGE) != 0)
        return "grows wrong";
    at = mremap(at, 3 * PAGE, PAGE, 0);
    if (at == MAP_FAILED || *word(at) != p->tag)
        return "shrinks wrong";
    return munmap(at, PAGE) ? "does not unmap" : NULL;
}

static outcome protect_middle(struct part *p, bool with_key)
{
    char *at = three_pages(p);
    if (!at || (with_key ? pkey_mprotect(at + PAGE, PAGE, PROT_READ, -1)
                         : mprotect(at + PAGE, PAGE, PROT_READ)))
        return "does not protect";
    /* The kernel stores no better than the program: EFAULT says what a store would. */
    if (pread(p->fd, at + PAGE, 8, p->offset) != -1 || errno != EFAULT)
        return "the protected page can be written";
    if (mprotect(at + PAGE, PAGE, RW) || !reaches_file(p, at + PAGE, p->offset + PAGE))
        return "does not take the protection back";
    return munmap(at, 3 * PAGE) ? "does not unmap" : NULL;
}

static outcome play_mprotect(struct part *p)
{
    return protect_middle(p, false);
}

static outcome play_pkey_mprotect(struct part *p)
{
    return protect_middle(p, true);
}

static outcome play_madvise(struct part *p)
{
    char *at = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return "no memory";
    *word(at) = *word(at + PAGE) = ++p->tag;
    if (madvise(at, PAGE, MADV_DONTNEED) || *word(at) != 0 || *word(at + PAGE) != p->tag)
        return "MADV_DONTNEED empties the wrong page";
    return munmap(at, 2 * PAGE) ? "does not unmap" : NULL;
}

static outcome play_posix_madvise(struct part *p)
{
    char *at = three_pages(p);
    if (!at || posix_madvise(at, PAGE, POSIX_MADV_RANDOM) ||
        posix_madvise(at + 1, PAGE, POSIX_MADV_RANDOM) != EINVAL)
        return "answers wrong";
    if (!reaches_file(p, at, p->offset))
        return "a store does not reach the file";
    return munmap(at, 3 * PAGE) ? "does not unmap" : NULL;
}

static outcome play_msync(struct part *p)
{
    char *at = three_pages(p);
    if (!at || !reaches_file(p, at, p->offset) || msync(at, 3 * PAGE, MS_SYNC))
        return "does not sync";
    return munmap(at, 3 * PAGE) ? "does not unmap" : NULL;
}

static outcome lock_and_unlock(struct part *p, bool second)
{
    char *at = three_pages(p);
    if (!at || (second ? mlock2(at, PAGE, MLOCK_ONFAULT) : mlock(at, PAGE)))
        return "does not lock";
    if (msync(at, PAGE, MS_INVALIDATE) != -1 || errno != EBUSY)
        return "is not locked"; /* the kernel's own answer for a locked page */
    if (munlock(at, PAGE) || msync(at, PAGE, MS_INVALIDATE))
        return "is still locked";
    if (!reaches_file(p, at, p->offset))
        return "a store does not reach the file";
    return munmap(at, 3 * PAGE) ? "does not unmap" : NULL;
}

static outcome play_mincore(struct part *p)
{
    unsigned char there[3];
    char *at = three_pages(p);
    if (!at || !reaches_file(p, at, p->offset))
        return "a store does not reach the file";
    if (mincore(at, 3 * PAGE, there) || !(there[0] & 1))
        return "does not see a page that was stored to";
    return munmap(at, 3 * PAGE) ? "does not unmap" : NULL;
}

static outcome play_mlock(struct part *p)
{
    return lock_and_unlock(p, false);
}

static outcome play_mlock2(struct part *p)
{
    return lock_and_unlock(p, true);
}

static outcome play_munlock(struct part *p)
{
    return lock_and_unlock(p, false);
}

/* What else the process holds must not decide: MCL_ONFAULT alone is refused everywhere. */
static outcome play_mlockall(struct part *p)
{
    (void)p;
    return mlockall(MCL_ONFAULT) == -1 && errno == EINVAL ? NULL : "answers wrong";
}

static outcome play_munlockall(struct part *p)
{
    (void)p;
    return munlockall() ? "answers wrong" : NULL;
}

static outcome truncate_under(struct part *p, int (*change)(int, off_t))
{
    if (change(p->own_fd, 2 * PAGE))
        return "does not grow the file";
    char *at = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, p->own_fd, 0);
    if (at == MAP_FAILED)
        return "does not map";
    *word(at) = *word(at + PAGE) = ++p->tag;
    if (change(p->own_fd, PAGE) || change(p->own_fd, 2 * PAGE))
        return "does not shrink the file";
    if (*word(at) != p->tag || *word(at + PAGE) != 0)
        return "leaves wrong bytes";
    return munmap(at, 2 * PAGE) || change(p->own_fd, 0) ? "does not unmap" : NULL;
}

static outcome play_ftruncate(struct part *p)
{
    return truncate_under(p, ftruncate);
}

static outcome play_ftruncate64(struct part *p)
{
    return truncate_under(p, (int (*)(int, off_t))ftruncate64);
}

/* truncate(2) of the file that the descriptor leads to. */
static int by_name(int (*change)(const char *, off_t), int fd, off_t len)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return change(path, len);
}

static int truncate_it(int fd, off_t len)
{
    return by_name(truncate, fd, len);
}

static int truncate64_it(int fd, off_t len)
{
    return by_name((int (*)(const char *, off_t))truncate64, fd, len);
}

static outcome play_truncate(struct part *p)
{
    return truncate_under(p, truncate_it);
}

static outcome play_truncate64(struct part *p)
{
    return truncate_under(p, truncate64_it);
}

static outcome punch_under(struct part *p, int (*change)(int, int, off_t, off_t))
{
    if (change(p->own_fd, 0, 0, 2 * PAGE))
        return "does not allocate";
    char *at = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, p->own_fd, 0);
    if (at == MAP_FAILED)
        return "does not map";
    *word(at) = *word(at + PAGE) = ++p->tag;
    if (change(p->own_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE))
        return "does not punch a hole";
    if (*word(at) != p->tag || *word(at + PAGE) != 0)
        return "leaves wrong bytes";
    return munmap(at, 2 * PAGE) || ftruncate(p->own_fd, 0) ? "does not unmap" : NULL;
}

static outcome play_fallocate(struct part *p)
{
    return punch_under(p, fallocate);
}

static outcome play_fallocate64(struct part *p)
{
    return punch_under(p, (int (*)(int, int, off_t, off_t))fallocate64);
}

static outcome play_shmat(struct part *p)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    (void)p;
    if (id < 0)
        return "makes no segment";
    char *at = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    if (at == (char *)-1)
        return "does not attach";
    *at = 7;
    bool kept = shmat(id, at, SHM_REMAP) == at && *at == 7;
    shmdt(at);
    if (!kept)
        return "does not attach over itself";
    errno = 0;
    return shmat(-1, NULL, 0) == (char *)-1 && errno == EINVAL ? NULL : "takes a bad segment";
}

/* Sets what is set. */
static outcome play_setrlimit(struct part *p)
{
    struct rlimit limit;
    (void)p;
    if (getrlimit(RLIMIT_AS, &limit) || setrlimit(RLIMIT_AS, &limit))
        return "does not set";
    return setrlimit(-1, &limit) == -1 && errno == EINVAL ? NULL : "takes a bad resource";
}

static outcome play_setrlimit64(struct part *p)
{
    struct rlimit64 limit;
    (void)p;
    return getrlimit64(RLIMIT_AS, &limit) || setrlimit64(RLIMIT_AS, &limit) ? "does not set" : NULL;
}

static outcome play_prlimit(struct part *p)
{
    struct rlimit limit, before = { 0, 0 };
    (void)p;
    if (prlimit(0, RLIMIT_AS, NULL, &limit) || prlimit(0, RLIMIT_AS, &limit, &before))
        return "does not set";
    return before.rlim_max == limit.rlim_max ? NULL : "does not tell the limit of before";
}

static outcome play_prlimit64(struct part *p)
{
    struct rlimit64 limit;
    (void)p;
    return prlimit64(0, RLIMIT_AS, NULL, &limit) ? "does not ask" : NULL;
}

static outcome play_flock(struct part *p)
{
    if (flock(p->own_fd, LOCK_EX | LOCK_NB) || flock(p->own_fd, LOCK_UN))
        return "does not lock";
    return flock(-1, LOCK_UN) == -1 && errno == EBADF ? NULL : "takes a bad descriptor";
}

static outcome play_syscall(struct part *p)
{
    (void)p;
    if (syscall(SYS_getpid) != getpid() || syscall(SYS_close, -1L) != -1 || errno != EBADF)
        return "does not answer";
    /* Six arguments, and the numbers that the library looks at. */
    char *at = (char *)syscall(SYS_mmap, 0L, 4096L, (long)(PROT_READ | PROT_WRITE),
                               (long)(MAP_PRIVATE | MAP_ANONYMOUS), -1L, 0L);
    if (at == MAP_FAILED || (at[0] = 1, syscall(SYS_munmap, at, 4096L)))
        return "does not map";
    if (syscall(SYS_prctl, (long)PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
        return "prctl does not answer";
    return syscall(SYS_seccomp, 99L, 0L, 0L) == -1 && errno == EINVAL ? NULL
                                                                      : "seccomp does not answer";
}

static outcome play_prctl(struct part *p)
{
    (void)p;
    return prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) < 0 ? "does not answer" : NULL;
}

/* The signal functions, for SIGBUS. Each scene puts back what it found, so that a handler may play
 * it in the middle of another; and asks for what it has set itself only. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
extern int __sigaction(int, const struct sigaction *, struct sigaction *);
extern sighandler_t ssignal(int, sighandler_t), bsd_signal(int, sighandler_t),
    __sysv_signal(int, sighandler_t);

static void never(int sig)
{
    (void)sig;
}

static outcome set_action(int (*change)(int, const struct sigaction *, struct sigaction *))
{
    struct sigaction kept, found, mine = { .sa_handler = never, .sa_flags = SA_NODEFER };
    sigaddset(&mine.sa_mask, SIGHUP);
    if (change(SIGBUS, &mine, &kept) || change(SIGBUS, NULL, &found))
        return "does not answer";
    if (found.sa_handler != never || !(found.sa_flags & SA_NODEFER) ||
        !sigismember(&found.sa_mask, SIGHUP) || sigismember(&found.sa_mask, SIGBUS))
        return "is not what was set";
    return change(SIGBUS, &kept, NULL) ? "does not take back" : NULL;
}

static outcome play_sigaction(struct part *p)
{
    (void)p;
    return set_action(sigaction);
}

static outcome play___sigaction(struct part *p)
{
    (void)p;
    return set_action(__sigaction);
}

/* flags: of those that the old functions choose. */
static outcome set_handler(sighandler_t (*change)(int, sighandler_t), int flags)
{
    int chosen = SA_RESTART | SA_NODEFER | (int)SA_RESETHAND;
    struct sigaction kept, found;
    if (sigaction(SIGBUS, NULL, &kept) || change(SIGBUS, never) == SIG_ERR ||
        sigaction(SIGBUS, NULL, &found))
        return "does not answer";
    if (found.sa_handler != never || (found.sa_flags & chosen) != flags)
        return "is not what was set";
    if (change(SIGBUS, SIG_DFL) != never)
        return "does not tell what was";
    return sigaction(SIGBUS, &kept, NULL) ? "does not take back" : NULL;
}

#define PLAY_HANDLER(name, flags)              \
    static outcome play_##name(struct part *p) \
    {                                          \
        (void)p;                               \
        return set_handler(name, flags);       \
    }
PLAY_HANDLER(signal, SA_RESTART)
PLAY_HANDLER(ssignal, SA_RESTART)
PLAY_HANDLER(bsd_signal, SA_RESTART)
PLAY_HANDLER(sysv_signal, (int)SA_RESETHAND | SA_NODEFER)
PLAY_HANDLER(__sysv_signal, (int)SA_RESETHAND | SA_NODEFER)

/* Blocks or unblocks by one function and asks by another; puts the mask back. */
static bool blocked(void)
{
    sigset_t now;
    return sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGBUS) == 1;
}

static outcome put_back(const sigset_t *kept, outcome what)
{
    return sigprocmask(SIG_SETMASK, kept, NULL) && !what ? "does not put the mask back" : what;
}

static outcome play_sigset(struct part *p)
{
    sigset_t kept;
    (void)p;
    sigprocmask(SIG_BLOCK, NULL, &kept);
    if (sigset(SIGBUS, SIG_HOLD) == SIG_ERR || !blocked())
        return put_back(&kept, "does not hold");
    sigrelse(SIGBUS);
    return put_back(&kept, set_handler(sigset, 0));
}

static outcome play_sigignore(struct part *p)
{
    struct sigaction kept, found;
    (void)p;
    if (sigaction(SIGBUS, NULL, &kept) || sigignore(SIGBUS) || sigaction(SIGBUS, NULL, &found))
        return "does not answer";
    if (found.sa_handler != SIG_IGN)
        return "does not ignore";
    return sigaction(SIGBUS, &kept, NULL) ? "does not take back" : NULL;
}

static outcome play_siginterrupt(struct part *p)
{
    struct sigaction kept, found;
    (void)p;
    if (sigaction(SIGBUS, NULL, &kept) || siginterrupt(SIGBUS, 1) ||
        sigaction(SIGBUS, NULL, &found) || (found.sa_flags & SA_RESTART))
        return "does not interrupt";
    if (siginterrupt(SIGBUS, 0) || sigaction(SIGBUS, NULL, &found) ||
        !(found.sa_flags & SA_RESTART))
        return "does not restart";
    return sigaction(SIGBUS, &kept, NULL) ? "does not take back" : NULL;
}

static outcome block_and_unblock(int (*change)(int, const sigset_t *, sigset_t *))
{
    sigset_t kept, bus, found;
    sigemptyset(&bus);
    sigaddset(&bus, SIGBUS);
    if (change(SIG_BLOCK, &bus, &kept) || change(SIG_UNBLOCK, &bus, &found))
        return "does not answer";
    if (!sigismember(&found, SIGBUS) || blocked())
        return put_back(&kept, "does not tell what was set");
    found = kept;
    sigaddset(&found, SIGBUS);
    bool full = change(SIG_SETMASK, &found, NULL) == 0 && blocked();
    return put_back(&kept, full ? NULL : "does not set the mask");
}

static outcome play_sigprocmask(struct part *p)
{
    (void)p;
    return block_and_unblock(sigprocmask);
}

static outcome play_pthread_sigmask(struct part *p)
{
    (void)p;
    return block_and_unblock(pthread_sigmask);
}

static outcome hold_and_release(void)
{
    sigset_t kept;
    sigprocmask(SIG_BLOCK, NULL, &kept);
    if (sighold(SIGBUS) || !blocked())
        return put_back(&kept, "does not hold");
    bool released = sigrelse(SIGBUS) == 0 && !blocked();
    return put_back(&kept, released ? NULL : "does not release");
}

static outcome play_sighold(struct part *p)
{
    (void)p;
    return hold_and_release();
}

static outcome play_sigrelse(struct part *p)
{
    (void)p;
    return hold_and_release();
}

static outcome bsd_masks(void)
{
    sigset_t kept;
    int bus = 1 << (SIGBUS - 1);
    sigprocmask(SIG_BLOCK, NULL, &kept);
    sigblock(bus);
    if (!(siggetmask() & bus) || !blocked())
        return put_back(&kept, "does not block");
    bool known = sigsetmask(0) & bus;
    return put_back(&kept, known && !blocked() ? NULL : "does not set the mask");
}

static outcome play_sigblock(struct part *p)
{
    (void)p;
    return bsd_masks();
}

static outcome play_sigsetmask(struct part *p)
{
    (void)p;
    return bsd_masks();
}

static outcome play_siggetmask(struct part *p)
{
    (void)p;
    return bsd_masks();
}

/* A place that interrupts another one would take its signal, so none waits. */
static outcome play_sigsuspend(struct part *p)
{
    static const sigset_t *volatile nothing;
    (void)p;
    return sigsuspend(nothing) == -1 && errno == EFAULT ? NULL : "does not refuse a bad mask";
}

static outcome child_leaves(void (*leave)(int))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        leave(42);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return "no child";
    return WIFEXITED(status) && WEXITSTATUS(status) == 42 ? NULL : "the wrong exit status";
}

static outcome play__Fork(struct part *p)
{
    int status = -1;
    (void)p;
    pid_t child = _Fork();
    if (child == 0)
        _exit(43);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return "no child";
    return WIFEXITED(status) && WEXITSTATUS(status) == 43 ? NULL : "the wrong exit status";
}

static outcome play__exit(struct part *p)
{
    (void)p;
    return child_leaves(_exit);
}

static outcome play__Exit(struct part *p)
{
    extern void _Exit(int);
    (void)p;
    return child_leaves(_Exit);
}

static outcome play_quick_exit(struct part *p)
{
    extern void quick_exit(int);
    (void)p;
    return child_leaves(quick_exit);
}

/* A call that must say -1 and ENOENT, and leave the process what it is; tests/preload/become.sh has the
 * calls that work. */
static outcome not_there(int answer)
{
    return answer == -1 && errno == ENOENT ? NULL : "does not say that nothing is there";
}

static char no_program[] = "/nowhere/program";
static char *const no_arguments[] = { no_program, NULL };

static outcome play_execve(struct part *p)
{
    (void)p;
    return not_there(execve(no_program, no_arguments, no_arguments));
}

static outcome play_execv(struct part *p)
{
    (void)p;
    return not_there(execv(no_program, no_arguments));
}

static outcome play_execvp(struct part *p)
{
    (void)p;
    return not_there(execvp(no_program, no_arguments));
}

static outcome play_execvpe(struct part *p)
{
    (void)p;
    return not_there(execvpe(no_program, no_arguments, no_arguments));
}

static outcome play_execveat(struct part *p)
{
    (void)p;
    return not_there(execveat(AT_FDCWD, no_program, no_arguments, no_arguments, 0));
}

static outcome play_execl(struct part *p)
{
    (void)p;
    return not_there(execl(no_program, no_program, "1", "2", (char *)NULL));
}

static outcome play_execlp(struct part *p)
{
    (void)p;
    return not_there(execlp(no_program, no_program, "1", "2", (char *)NULL));
}

static outcome play_execle(struct part *p)
{
    (void)p;
    return not_there(execle(no_program, no_program, "1", "2", (char *)NULL, no_arguments));
}

static outcome play_fexecve(struct part *p)
{
    /* A file that holds zeros and may not be executed. */
    return fexecve(p->own_fd, no_arguments, no_arguments) == -1 &&
                   (errno == EACCES || errno == ENOEXEC)
               ? NULL
               : "does not say that the file is no program";
}

static outcome play_setuid(struct part *p)
{
    (void)p;
    return setuid(getuid()) ? "does not keep the user" : NULL;
}

static outcome play_setreuid(struct part *p)
{
    (void)p;
    return setreuid(getuid(), geteuid()) ? "does not keep the users" : NULL;
}

static outcome play_setresuid(struct part *p)
{
    (void)p;
    return setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1) ? "does not keep the users" : NULL;
}

static outcome play_chroot(struct part *p)
{
    (void)p;
    return not_there(chroot("/nowhere"));
}

static outcome play_unshare(struct part *p)
{
    (void)p;
    return unshare(-1) == -1 && errno == EINVAL ? NULL : "there are no such namespaces";
}

static outcome play_setns(struct part *p)
{
    (void)p;
    return setns(-1, 0) == -1 && errno == EBADF ? NULL : "there is no such descriptor";
}

extern int __open_2(const char *, int), __open64_2(const char *, int),
    __openat_2(int, const char *, int), __openat64_2(int, const char *, int);

/* fd: of the actor's own file. What is written through it is in the file. */
static outcome opened(struct part *p, int fd)
{
    uint64_t value = ++p->tag, found = 0;
    if (fd < 0)
        return "does not open";
    if (pwrite(fd, &value, sizeof value, 0) != sizeof value ||
        pread(p->own_fd, &found, sizeof found, 0) != sizeof found || found != value)
        return "opens another file";
    return close(fd) || ftruncate(p->own_fd, 0) ? "does not close" : NULL;
}

static outcome play_open(struct part *p)
{
    return opened(p, open(p->own_name, O_RDWR));
}

static outcome play_open64(struct part *p)
{
    return opened(p, open64(p->own_name, O_RDWR));
}

static outcome play_openat(struct part *p)
{
    return opened(p, openat(AT_FDCWD, p->own_name, O_RDWR));
}

static outcome play_openat64(struct part *p)
{
    return opened(p, openat64(-1, p->own_name, O_RDWR));
}

static outcome play___open_2(struct part *p)
{
    return opened(p, __open_2(p->own_name, O_RDWR));
}

static outcome play___open64_2(struct part *p)
{
    return opened(p, __open64_2(p->own_name, O_RDWR));
}

static outcome play___openat_2(struct part *p)
{
    return opened(p, __openat_2(-1, p->own_name, O_RDWR));
}

static outcome play___openat64_2(struct part *p)
{
    return opened(p, __openat64_2(-1, p->own_name, O_RDWR));
}

static outcome file_of(struct part *p, FILE *file)
{
    outcome what = file ? opened(p, dup(fileno(file))) : "does not open";
    return file && fclose(file) ? "does not close" : what;
}

static outcome play_fopen(struct part *p)
{
    return file_of(p, fopen(p->own_name, "r+"));
}

static outcome play_fopen64(struct part *p)
{
    return file_of(p, fopen64(p->own_name, "r+"));
}

/* ---- what takes memory of the program ---- */

/* One of the functions, for len bytes at buf. */
typedef ssize_t transfer(int fd, void *buf, size_t len);

static void *nowhere(void)
{
    static void *volatile address = (void *)8;
    return address;
}

static outcome refuses(transfer *by, int fd)
{
    uint64_t value = 0;
    if (by(-1, &value, sizeof value) != -1 || errno != EBADF)
        return "takes a bad descriptor";
    return by(fd, nowhere(), sizeof value) != -1 || errno != EFAULT ? "takes a bad address" : NULL;
}

/* By system calls, past the hooks, the file has the value; and is empty again afterwards. */
static outcome reads(struct part *p, transfer *by)
{
    uint64_t value = ++p->tag, found[2] = { 0, 0 };
    if (syscall(SYS_pwrite64, p->own_fd, &value, sizeof value, 0L) != sizeof value ||
        lseek(p->own_fd, 0, SEEK_SET) || by(p->own_fd, found, sizeof found) != sizeof value ||
        found[0] != value || found[1] != 0)
        return "reads wrong bytes";
    lseek(p->own_fd, 0, SEEK_SET);
    outcome wrong = refuses(by, p->own_fd);
    return ftruncate(p->own_fd, 0) ? "does not truncate" : wrong;
}

static outcome writes(struct part *p, transfer *by)
{
    uint64_t value = ++p->tag, found[2];
    if (lseek(p->own_fd, 0, SEEK_SET) || by(p->own_fd, &value, sizeof value) != sizeof value ||
        syscall(SYS_pread64, p->own_fd, found, sizeof found, 0L) != sizeof value ||
        found[0] != value)
        return "writes wrong bytes";
    lseek(p->own_fd, 0, SEEK_SET);
    outcome wrong = refuses(by, p->own_fd);
    return ftruncate(p->own_fd, 0) || lseek(p->own_fd, 0, SEEK_SET) ? "does not truncate" : wrong;
}

static outcome with_sockets(struct part *p, outcome play(struct part *, transfer *, int[2]),
                            transfer *by)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair))
        return "no sockets";
    outcome wrong = play(p, by, pair);
    close(pair[0]);
    close(pair[1]);
    return wrong;
}

static outcome sends_to(struct part *p, transfer *by, int pair[2])
{
    uint64_t value = ++p->tag, found[2];
    if (by(pair[0], &value, sizeof value) != sizeof value ||
        syscall(SYS_recvfrom, pair[1], found, sizeof found, 0L, 0L, 0L) != sizeof value ||
        found[0] != value)
        return "sends wrong bytes";
    return refuses(by, pair[0]);
}

static outcome receives_from(struct part *p, transfer *by, int pair[2])
{
    uint64_t value = ++p->tag, found[2] = { 0, 0 };
    if (by(pair[1], found, sizeof found) != -1 || errno != EAGAIN)
        return "receives what was not sent";
    for (int i = 0; i < 2; i++)
        if (syscall(SYS_sendto, pair[0], &value, sizeof value, 0L, 0L, 0L) != sizeof value)
            return "cannot be sent to";
    if (by(pair[1], found, sizeof found) != sizeof value || found[0] != value || found[1] != 0)
        return "receives wrong bytes";
    return refuses(by, pair[1]);
}

static outcome sends(struct part *p, transfer *by)
{
    return with_sockets(p, sends_to, by);
}

static outcome receives(struct part *p, transfer *by)
{
    return with_sockets(p, receives_from, by);
}

/* Defines the scene of a function that transfers bytes. transferred: how many, by its answer. */
#define TRANSFERS(name, how, transferred)                              \
    static ssize_t by_##name(int fd, void *buf, size_t len)            \
    {                                                                  \
        enum { offset = 0, here = 0, flags = MSG_DONTWAIT, many = 1 }; \
        struct split split;                                            \
        split_memory(&split, buf, len);                                \
        return transferred;                                            \
    }                                                                  \
    static outcome play_##name(struct part *p)                         \
    {                                                                  \
        return how(p, by_##name);                                      \
    }
#define LEN_OF_ONE(call) ((call) == 1 ? (ssize_t)split.messages->msg_len : -1)

static outcome play_getrandom(struct part *p)
{
    uint64_t drawn[4] = { 0, 0, 0, 0 };
    (void)p;
    if (getrandom(drawn, 24, 0) != 24 || !drawn[0] || !drawn[2] || drawn[3])
        return "draws wrong bytes";
    return getrandom(drawn, 8, ~0U) != -1 || errno != EINVAL ? "takes bad flags" : NULL;
}

static outcome play_getentropy(struct part *p)
{
    static const size_t too_much = 257;
    uint64_t drawn[40] = { 0, 0 };
    (void)p;
    if (getentropy(drawn, 8) || !drawn[0] || drawn[1])
        return "draws wrong bytes";
    return getentropy(drawn, too_much) != -1 || errno != EIO ? "draws too much" : NULL;
}

/* One of the functions, without a wait. */
typedef int wait_call(struct pollfd *fds, nfds_t n);

static outcome waits_by(wait_call *by)
{
    int pair[2];
    char byte = 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return "no sockets";
    struct pollfd fds[2] = { { .fd = -1 }, { .fd = pair[1], .events = POLLIN } };
    outcome wrong = by(fds, 2) == 0 ? NULL : "finds what was not sent";
    if (!wrong && (syscall(SYS_write, pair[0], &byte, 1L) != 1 || by(fds, 2) != 1 ||
                   fds[1].revents != POLLIN || fds[0].revents != 0))
        wrong = "does not find what was sent";
    if (!wrong && (by(nowhere(), 1) != -1 || errno != EFAULT))
        wrong = "takes a bad address";
    close(pair[0]);
    close(pair[1]);
    return wrong;
}

/* Defines the scene of a function that waits for descriptors. A signal ends even a wait of no
 * time. */
#define WAITS(name, call)                                     \
    static int by_##name(struct pollfd *fds, nfds_t n)        \
    {                                                         \
        enum { ms = 0 };                                      \
        const struct timespec none = { 0, 0 }, *time = &none; \
        int ready;                                            \
        (void)time;                                           \
        do                                                    \
            ready = call;                                     \
        while (ready < 0 && errno == EINTR);                  \
        return ready;                                         \
    }                                                         \
    static outcome play_##name(struct part *p)                \
    {                                                         \
        (void)p;                                              \
        return waits_by(by_##name);                           \
    }

/* Defines the scene of a function of stdio, which has a stream of its own for each transfer. */
#define STREAMS(name, how, call)                            \
    static ssize_t by_##name(int fd, void *buf, size_t len) \
    {                                                       \
        FILE *file = fdopen(dup(fd), "r+");                 \
        if (!file)                                          \
            return -1;                                      \
        ssize_t done = (ssize_t)(call);                     \
        if (fclose(file))                                   \
            return -1;                                      \
        return done;                                        \
    }                                                       \
    static outcome play_##name(struct part *p)              \
    {                                                       \
        return how(p, by_##name);                           \
    }

/* A bad address that stdio itself would read or write ends the program. */
static outcome stream_reads(struct part *p, transfer *by)
{
    uint64_t value = ++p->tag, found[2] = { 0, 0 };
    if (syscall(SYS_pwrite64, p->own_fd, &value, sizeof value, 0L) != sizeof value ||
        lseek(p->own_fd, 0, SEEK_SET) || by(p->own_fd, found, sizeof found) != sizeof value ||
        found[0] != value || found[1] != 0)
        return "reads wrong bytes";
    return ftruncate(p->own_fd, 0) ? "does not truncate" : NULL;
}

static outcome stream_writes(struct part *p, transfer *by)
{
    uint64_t value = ++p->tag, found[2];
    if (lseek(p->own_fd, 0, SEEK_SET) || by(p->own_fd, &value, sizeof value) != sizeof value ||
        syscall(SYS_pread64, p->own_fd, found, sizeof found, 0L) != sizeof value ||
        found[0] != value)
        return "writes wrong bytes";
    return ftruncate(p->own_fd, 0) || lseek(p->own_fd, 0, SEEK_SET) ? "does not truncate" : NULL;
}

#define SCENE_READS(name, call) TRANSFERS(name, reads, call)
#define SCENE_READS_AT(name, call) TRANSFERS(name, reads, call)
#define SCENE_WRITES(name, call) TRANSFERS(name, writes, call)
#define SCENE_WRITES_AT(name, call) TRANSFERS(name, writes, call)
#define SCENE_SENDS(name, call) TRANSFERS(name, sends, call)
#define SCENE_SENDS_MANY(name, call) TRANSFERS(name, sends, LEN_OF_ONE(call))
#define SCENE_RECEIVES(name, call) TRANSFERS(name, receives, call)
#define SCENE_RECEIVES_MANY(name, call) TRANSFERS(name, receives, LEN_OF_ONE(call))
#define SCENE_DRAWS(name, call) /* above */
#define SCENE_WAITS(name, call) WAITS(name, call)
#define SCENE_STREAMS_IN(name, call) STREAMS(name, stream_reads, call)
#define SCENE_STREAMS_OUT(name, call) STREAMS(name, stream_writes, call)
#define CALL(kind, name, call) SCENE_##kind(name, call)
#include "memory_calls.def"

const struct scene scenes[] = {
#define HOOK(name, result, parameters) { #name, play_##name },
#include "entry/hooks.def"
#undef HOOK
};
const size_t scene_count = sizeof scenes / sizeof scenes[0];

bool scene_waits(const struct scene *s)
{
    return s->play == play__Fork || s->play == play__exit || s->play == play__Exit ||
           s->play == play_quick_exit || s->play == play_fopen || s->play == play_fopen64 ||
           s->play == play_fread || s->play == play_fread_unlocked || s->play == play___fread_chk ||
           s->play == play___fread_unlocked_chk || s->play == play_fwrite ||
           s->play == play_fwrite_unlocked;
}

static void put(const char *text)
{
    if (write(2, text, strlen(text)) < 0)
        return; /* then nobody reads it; the exit status tells */
}

void went_wrong(const char *where, const char *name, const char *what)
{
    put("contexts: ");
    put(where);
    put(": ");
    put(name);
    put(" ");
    put(what);
    put("\n");
    _exit(1);
}

void play_all(struct part *p, bool may_wait, const char *where)
{
    for (size_t i = 0; i < scene_count; i++) {
        if (scene_waits(&scenes[i]) && !may_wait)
            continue;
        const char *what = scenes[i].play(p);
        if (what)
            went_wrong(where, scenes[i].name, what);
    }
}
