/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sys: see sys.h. No policy, no state, no errno.
 */
#define _GNU_SOURCE
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include "common/libc.h"
#include "kernel/apart.h"
#include "kernel/rawcall.h"

/* The bytes of a set of signals. */
#define KERNEL_SIGSET sizeof(uint64_t)

#define CALL(nr, a, b, c, d, e, f) \
    rawcall((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

long sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    return CALL(SYS_mmap, addr, len, prot, flags, fd, offset);
}

long sys_munmap(uintptr_t addr, size_t len)
{
    return CALL(SYS_munmap, addr, len, 0, 0, 0, 0);
}

long sys_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t new_addr)
{
    return CALL(SYS_mremap, addr, old_len, new_len, flags, new_addr, 0);
}

long sys_mprotect(uintptr_t addr, size_t len, int prot)
{
    return CALL(SYS_mprotect, addr, len, prot, 0, 0, 0);
}

long sys_pkey_mprotect(uintptr_t addr, size_t len, int prot, int pkey)
{
    return CALL(SYS_pkey_mprotect, addr, len, prot, pkey, 0, 0);
}

long sys_madvise(uintptr_t addr, size_t len, int advice)
{
    return CALL(SYS_madvise, addr, len, advice, 0, 0, 0);
}

long sys_mincore(uintptr_t addr, size_t len, unsigned char *present)
{
    return CALL(SYS_mincore, addr, len, present, 0, 0, 0);
}

long sys_msync(uintptr_t addr, size_t len, int flags)
{
    return CALL(SYS_msync, addr, len, flags, 0, 0, 0);
}

long sys_mlock(uintptr_t addr, size_t len)
{
    return CALL(SYS_mlock, addr, len, 0, 0, 0, 0);
}

long sys_mlock2(uintptr_t addr, size_t len, unsigned flags)
{
    return CALL(SYS_mlock2, addr, len, flags, 0, 0, 0);
}

long sys_munlock(uintptr_t addr, size_t len)
{
    return CALL(SYS_munlock, addr, len, 0, 0, 0, 0);
}

long sys_mlockall(int flags)
{
    return CALL(SYS_mlockall, flags, 0, 0, 0, 0, 0);
}

long sys_munlockall(void)
{
    return CALL(SYS_munlockall, 0, 0, 0, 0, 0, 0);
}

long sys_shmat(int id, uintptr_t addr, int flags)
{
    return CALL(SYS_shmat, id, addr, flags, 0, 0, 0);
}

long sys_shm_size(int id, size_t *len)
{
    struct shmid_ds segment;
    long r = CALL(SYS_shmctl, id, IPC_STAT, &segment, 0, 0, 0);
    if (r == 0)
        *len = segment.shm_segsz;
    return r;
}

long sys_open(const char *path, int flags, unsigned mode)
{
    return CALL(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode, 0, 0);
}

long sys_openat(int dir, const char *path, int flags, unsigned mode)
{
    return CALL(SYS_openat, dir, path, flags, mode, 0, 0);
}

long sys_dup3(int fd, int to, int flags)
{
    return CALL(SYS_dup3, fd, to, flags, 0, 0, 0);
}

long sys_close(int fd)
{
    return CALL(SYS_close, fd, 0, 0, 0, 0, 0);
}

long sys_read(int fd, void *buf, size_t len)
{
    return CALL(SYS_read, fd, buf, len, 0, 0, 0);
}

long sys_pread(int fd, void *buf, size_t len, off_t offset)
{
    return CALL(SYS_pread64, fd, buf, len, offset, 0, 0);
}

long sys_write(int fd, const void *buf, size_t len)
{
    return CALL(SYS_write, fd, buf, len, 0, 0, 0);
}

long sys_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    return CALL(SYS_pwrite64, fd, buf, len, offset, 0, 0);
}

long sys_readv(int fd, const struct iovec *parts, int n)
{
    return CALL(SYS_readv, fd, parts, n, 0, 0, 0);
}

long sys_writev(int fd, const struct iovec *parts, int n)
{
    return CALL(SYS_writev, fd, parts, n, 0, 0, 0);
}

/* The upper half of an offset is an argument of its own, which counts on 32-bit machines only. */
long sys_preadv(int fd, const struct iovec *parts, int n, off_t offset)
{
    return CALL(SYS_preadv, fd, parts, n, offset, 0, 0);
}

long sys_pwritev(int fd, const struct iovec *parts, int n, off_t offset)
{
    return CALL(SYS_pwritev, fd, parts, n, offset, 0, 0);
}

long sys_preadv2(int fd, const struct iovec *parts, int n, off_t offset, int how)
{
    return CALL(SYS_preadv2, fd, parts, n, offset, 0, how);
}

long sys_pwritev2(int fd, const struct iovec *parts, int n, off_t offset, int how)
{
    return CALL(SYS_pwritev2, fd, parts, n, offset, 0, how);
}

long sys_sendto(int fd, const void *buf, size_t len, int flags, const void *to, unsigned to_len)
{
    return CALL(SYS_sendto, fd, buf, len, flags, to, to_len);
}

long sys_recvfrom(int fd, void *buf, size_t len, int flags, void *from, unsigned *from_len)
{
    return CALL(SYS_recvfrom, fd, buf, len, flags, from, from_len);
}

long sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return CALL(SYS_sendmsg, fd, message, flags, 0, 0, 0);
}

long sys_recvmsg(int fd, struct msghdr *message, int flags)
{
    return CALL(SYS_recvmsg, fd, message, flags, 0, 0, 0);
}

long sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    return CALL(SYS_sendmmsg, fd, messages, n, flags, 0, 0);
}

long sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *time)
{
    return CALL(SYS_recvmmsg, fd, messages, n, flags, time, 0);
}

long sys_ppoll(struct pollfd *fds, unsigned long n, struct timespec *time, const void *mask)
{
    return CALL(SYS_ppoll, fds, n, time, mask, KERNEL_SIGSET, 0);
}

long sys_sigsuspend(const void *mask)
{
    return CALL(SYS_rt_sigsuspend, mask, KERNEL_SIGSET, 0, 0, 0, 0);
}

long sys_inotify(int flags)
{
    return CALL(SYS_inotify_init1, flags, 0, 0, 0, 0, 0);
}

long sys_inotify_add(int fd, const char *path, uint32_t events)
{
    return CALL(SYS_inotify_add_watch, fd, path, events, 0, 0, 0);
}

long sys_inotify_remove(int fd, long watch)
{
    return CALL(SYS_inotify_rm_watch, fd, watch, 0, 0, 0, 0);
}

long sys_fallocate(int fd, int mode, off_t offset, off_t len)
{
    return CALL(SYS_fallocate, fd, mode, offset, len, 0, 0);
}

long sys_ioctl(int fd, unsigned long request, void *arg)
{
    return CALL(SYS_ioctl, fd, request, arg, 0, 0, 0);
}

long sys_fstat(int fd, struct stat *st)
{
    /* glibc's struct stat is the kernel's on both machines. */
    return CALL(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH, 0, 0);
}

long sys_stat(const char *path, struct stat *st)
{
    return CALL(SYS_newfstatat, AT_FDCWD, path, st, 0, 0, 0);
}

long sys_lstat(const char *path, struct stat *st)
{
    return CALL(SYS_newfstatat, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW, 0, 0);
}

long sys_getdents(int fd, void *entries, size_t size)
{
    return CALL(SYS_getdents64, fd, entries, size, 0, 0, 0);
}

long sys_lseek(int fd, off_t offset, int whence)
{
    return CALL(SYS_lseek, fd, offset, whence, 0, 0, 0);
}

long sys_quotactl_fd(int fd, unsigned command, int id, void *to)
{
    enum { QUOTACTL_FD = 443 }; /* the same number on every machine */
    return CALL(QUOTACTL_FD, fd, command, id, to, 0, 0);
}

long sys_fstatfs_type(int fd, long *f_type)
{
    struct statfs fs;
    long r = CALL(SYS_fstatfs, fd, &fs, 0, 0, 0, 0);
    if (r == 0)
        *f_type = (long)fs.f_type;
    return r;
}

static long take_space(long answer, const struct statfs *fs, struct sys_space *space)
{
    if (answer < 0)
        return answer;
    uint64_t unit = fs->f_frsize ? (uint64_t)fs->f_frsize : (uint64_t)fs->f_bsize;
    *space = (struct sys_space){ fs->f_blocks * unit, fs->f_bavail * unit, (long)fs->f_type,
                                 (uint64_t)fs->f_files };
    return 0;
}

long sys_fstatfs(int fd, struct sys_space *space)
{
    struct statfs fs;
    return take_space(CALL(SYS_fstatfs, fd, &fs, 0, 0, 0, 0), &fs, space);
}

long sys_statfs(const char *path, struct sys_space *space)
{
    struct statfs fs;
    return take_space(CALL(SYS_statfs, path, &fs, 0, 0, 0, 0), &fs, space);
}

long sys_fcntl(int fd, int cmd, uintptr_t arg)
{
    return CALL(SYS_fcntl, fd, cmd, arg, 0, 0, 0);
}

bool sys_is_dax(int fd)
{
    struct statx st;
    long answer = CALL(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &st, 0);
    return answer == 0 ? st.stx_attributes & STATX_ATTR_DAX : answer != -ENOSYS;
}

bool sys_has_xattr(int fd, const char *name)
{
    return CALL(SYS_fgetxattr, fd, name, NULL, 0, 0, 0) > 0;
}

long sys_truncate(const char *path, off_t len)
{
    return CALL(SYS_truncate, path, len, 0, 0, 0, 0);
}

long sys_ftruncate(int fd, off_t len)
{
    return CALL(SYS_ftruncate, fd, len, 0, 0, 0, 0);
}

long sys_flock(int fd, int operation)
{
    return CALL(SYS_flock, fd, operation, 0, 0, 0, 0);
}

long sys_memfd(const char *name)
{
    enum { CLOEXEC = 1, ALLOW_SEALING = 2 };
    return CALL(SYS_memfd_create, name, CLOEXEC | ALLOW_SEALING, 0, 0, 0, 0);
}

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

long sys_dirty_pages(int fd, off_t offset, uint64_t len)
{
    struct {
        uint64_t offset, len;
    } range = { (uint64_t)offset, len };
    struct {
        uint64_t cached, dirty, writeback, evicted, lately;
    } pages; /* linux/mman.h */
    long r = CALL(SYS_cachestat, fd, &range, &pages, 0, 0, 0);
    return r < 0 ? r : (long)(pages.dirty + pages.writeback);
}

long sys_fchmod(int fd, unsigned mode)
{
    return CALL(SYS_fchmod, fd, mode, 0, 0, 0, 0);
}

long sys_rename(const char *from, const char *to)
{
    return CALL(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0, 0);
}

long sys_readlink(const char *path, char *text, size_t size)
{
    return CALL(SYS_readlinkat, AT_FDCWD, path, text, size, 0, 0);
}

long sys_unlink(const char *path)
{
    return CALL(SYS_unlinkat, AT_FDCWD, path, 0, 0, 0, 0);
}

static struct __user_cap_header_struct of_this_thread(void)
{
    return (struct __user_cap_header_struct){ .version = _LINUX_CAPABILITY_VERSION_3 };
}

long sys_take_user(uid_t user, struct sys_user *before)
{
    struct __user_cap_header_struct header = of_this_thread();
    long r = CALL(SYS_capget, &header, before->capabilities, 0, 0, 0, 0);
    if (r < 0)
        return r;
    before->dumps = sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    before->parent_ends = 0;
    sys_prctl(PR_GET_PDEATHSIG, (unsigned long)&before->parent_ends, 0, 0, 0);
    before->user = CALL(SYS_setfsuid, user, 0, 0, 0, 0, 0);
    return 0;
}

void sys_give_user_back(const struct sys_user *before)
{
    struct __user_cap_header_struct header = of_this_thread();
    CALL(SYS_setfsuid, before->user, 0, 0, 0, 0, 0);
    CALL(SYS_capset, &header, before->capabilities, 0, 0, 0, 0);
    sys_prctl(PR_SET_PDEATHSIG, (unsigned long)before->parent_ends, 0, 0, 0);
    sys_prctl(PR_SET_DUMPABLE, (unsigned long)before->dumps, 0, 0, 0);
}

bool sys_writable_now(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    struct timespec none = { 0, 0 };
    long r = CALL(SYS_ppoll, &p, 1, &none, 0, 0, 0);
    return r == 1 && (p.revents & POLLOUT) && !(p.revents & (POLLERR | POLLNVAL));
}

long sys_fork(void)
{
    return CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
}

long sys_getpid(void)
{
    return CALL(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

long sys_gettid(void)
{
    return CALL(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

long sys_kill(long pid, int sig)
{
    return CALL(SYS_kill, pid, sig, 0, 0, 0, 0);
}

bool sys_shares_memory(long pid)
{
    enum { VM = 1 }; /* KCMP_VM, linux/kcmp.h */
    return CALL(SYS_kcmp, sys_getpid(), pid, VM, 0, 0, 0) == 0;
}

bool sys_differ(int fd, int other)
{
    enum { FILES = 0 }; /* KCMP_FILE, linux/kcmp.h: 1 or 2 say which of two is to come first */
    return CALL(SYS_kcmp, sys_getpid(), sys_getpid(), FILES, fd, other, 0) > 0;
}

long sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return CALL(SYS_prctl, option, a, b, c, d, 0);
}

long sys_getrandom(void *buf, size_t len)
{
    enum { NONBLOCK = 1 };
    return sys_random(buf, len, NONBLOCK);
}

long sys_random(void *buf, size_t len, unsigned flags)
{
    return CALL(SYS_getrandom, buf, len, flags, 0, 0, 0);
}

uint64_t sys_memory(void)
{
    struct sysinfo info;
    return CALL(SYS_sysinfo, &info, 0, 0, 0, 0, 0) < 0 ? 0
                                                       : (uint64_t)info.totalram * info.mem_unit;
}

long sys_prlimit(long pid, int resource, const void *set, void *before)
{
    return CALL(SYS_prlimit64, pid, resource, set, before, 0, 0);
}

unsigned long sys_rlimit(int resource)
{
    struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };
    CALL(SYS_prlimit64, 0, resource, 0, &r, 0, 0);
    return (unsigned long)r.rlim_cur;
}

#if defined(__x86_64__)
/* A signal handler returns here. The bytes are those of glibc: libgcc, gdb and profilers recognize
 * a signal frame by them. */
extern char sys_restorer[] __attribute__((visibility("hidden")));
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".hidden sys_restorer\n"
        ".globl sys_restorer\n"
        ".type sys_restorer, @function\n"
        "nop\n" /* an unwinder looks up the address before the return address */
        "sys_restorer: movq $15, %rax\n"
        "syscall\n"
        ".size sys_restorer, . - sys_restorer\n"
        ".popsection");
#define SA_RESTORER_FLAG 0x04000000UL /* arch/x86/include/uapi/asm/signal.h */
#endif

long sys_sigaction(int sig, const struct sys_action *action, struct sys_action *before)
{
#if defined(__x86_64__)
    struct sys_action with;
    bool function = action && action->handler > (uintptr_t)SIG_IGN;
    if (function && !(action->flags & SA_RESTORER_FLAG)) {
        with = *action;
        with.flags |= SA_RESTORER_FLAG;
        with.restorer = (uintptr_t)sys_restorer;
        action = &with;
    }
#endif
    return CALL(SYS_rt_sigaction, sig, action, before, KERNEL_SIGSET, 0, 0);
}

long sys_sigprocmask(int how, const uint64_t *set, uint64_t *before)
{
    return CALL(SYS_rt_sigprocmask, how, set, before, KERNEL_SIGSET, 0, 0);
}

uint64_t sys_block_signals(void)
{
    const uint64_t faults = SYS_SIGNAL_BIT(SIGBUS) | SYS_SIGNAL_BIT(SIGSEGV) |
                            SYS_SIGNAL_BIT(SIGILL) | SYS_SIGNAL_BIT(SIGFPE) |
                            SYS_SIGNAL_BIT(SIGTRAP) | SYS_SIGNAL_BIT(SIGSYS);
    uint64_t others = ~faults, before = 0;
    sys_sigprocmask(SIG_BLOCK, &others, &before);
    return before;
}

long sys_sigaltstack(const stack_t *stack, stack_t *before)
{
    return CALL(SYS_sigaltstack, stack, before, 0, 0, 0, 0);
}

long sys_sigqueueinfo(long pid, int sig, const void *info)
{
    return CALL(SYS_rt_sigqueueinfo, pid, sig, info, 0, 0, 0);
}

long sys_tgsigqueueinfo(long pid, long tid, int sig, const void *info)
{
    return CALL(SYS_rt_tgsigqueueinfo, pid, tid, sig, info, 0, 0);
}

long sys_write_quietly(int fd, const void *buf, size_t len)
{
    uint64_t held = SYS_SIGNAL_BIT(SIGPIPE) | SYS_SIGNAL_BIT(SIGXFSZ);
    uint64_t before, pending = 0;
    if (sys_sigprocmask(SIG_BLOCK, &held, &before) < 0)
        return sys_write(fd, buf, len);
    CALL(SYS_rt_sigpending, &pending, KERNEL_SIGSET, 0, 0, 0, 0);
    long r = sys_write(fd, buf, len);
    if (r < 0) {
        uint64_t ours = held & ~pending;
        struct timespec none = { 0, 0 };
        if (ours)
            CALL(SYS_rt_sigtimedwait, &ours, 0, &none, KERNEL_SIGSET, 0, 0);
    }
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
    return r;
}

/*
 * rt_sigprocmask reads its set before it looks at what to do with it (kernel/signal.c). For the
 * operation -1 it does nothing, and returns EFAULT or EINVAL. Every seccomp filter allows this
 * call, unlike process_vm_readv, which also costs four times as much. A null pointer is no set, and
 * no error.
 *
 * valgrind reports such a call, for a set that the program never wrote, and for the -1. Under
 * valgrind, which a function of its own preloaded library shows, the question is only whether the
 * page is mapped.
 */
bool sys_readable(uintptr_t addr)
{
    unsigned char resident;
    if (_vgnU_freeres)
        return CALL(SYS_mincore, addr & ~(uintptr_t)4095, 1, &resident, 0, 0, 0) != -ENOMEM;
    return addr && CALL(SYS_rt_sigprocmask, -1, addr, 0, KERNEL_SIGSET, 0, 0) != -EFAULT;
}

bool sys_copy_own(void *to, const void *from, size_t len)
{
    struct iovec there = { (void *)from, len }, here = { to, len };
    return CALL(SYS_process_vm_readv, sys_getpid(), &here, 1, &there, 1, 0) == (long)len;
}

long sys_get_robust_list(int tid, struct robust_list_head **head)
{
    size_t len;
    return CALL(SYS_get_robust_list, tid, head, &len, 0, 0, 0);
}

long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
    return rawcall(number, a, b, c, d, e, f);
}

long sys_execve(const char *path, char *const argv[], char *const envp[])
{
    return CALL(SYS_execve, path, argv, envp, 0, 0, 0);
}

long sys_setuid(uid_t uid)
{
    return CALL(SYS_setuid, uid, 0, 0, 0, 0, 0);
}

long sys_setreuid(uid_t real, uid_t effective)
{
    return CALL(SYS_setreuid, real, effective, 0, 0, 0, 0);
}

long sys_setresuid(uid_t real, uid_t effective, uid_t saved)
{
    return CALL(SYS_setresuid, real, effective, saved, 0, 0, 0);
}

long sys_chroot(const char *path)
{
    return CALL(SYS_chroot, path, 0, 0, 0, 0, 0);
}

long sys_unshare(int flags)
{
    return CALL(SYS_unshare, flags, 0, 0, 0, 0, 0);
}

long sys_setns(int fd, int kind)
{
    return CALL(SYS_setns, fd, kind, 0, 0, 0, 0);
}

_Noreturn void sys_exit_group(int status)
{
    for (;;)
        CALL(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

void sys_futex_wait(const int *word, int seen)
{
    CALL(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, 0, 0, 0);
}

long sys_futex_wait_ms(const int *word, int seen, unsigned ms)
{
    struct timespec most = { ms / 1000, (long)(ms % 1000) * 1000000 };
    return CALL(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, &most, 0, 0);
}

void sys_futex_wake(const int *word, int n)
{
    CALL(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, 0, 0, 0);
}

void sys_nap(unsigned ms)
{
    struct timespec nap = { ms / 1000, (long)(ms % 1000) * 1000000 };
    CALL(SYS_nanosleep, &nap, 0, 0, 0, 0, 0);
}

uint64_t sys_clock_ns(int clock)
{
    struct timespec now = { 0, 0 };
    CALL(SYS_clock_gettime, clock, &now, 0, 0, 0, 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t sys_now_ms(void)
{
    return sys_clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* ---- open files in sockets ---- */

long sys_socketpair(int pair[2])
{
    return CALL(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair, 0, 0);
}

/* A message, with room for descriptors beside it. */
struct parcel {
    struct iovec content;
    struct msghdr message;
};

static void pack(struct parcel *p, void *content, size_t len, void *control, size_t room)
{
    p->content = (struct iovec){ content, len };
    p->message = (struct msghdr){
        .msg_iov = &p->content, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room
    };
}

static long send_parcel(int socket, struct parcel *p, const int fds[], unsigned n)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(&p->message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(n * sizeof *fds);
    p->message.msg_controllen = CMSG_SPACE(n * sizeof *fds);
    __builtin_memcpy(CMSG_DATA(header), fds, n * sizeof *fds);
    return CALL(SYS_sendmsg, socket, &p->message, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0, 0);
}

/* Returns how long the message is, or -errno, and sets how many descriptors came with it. */
static long peek_parcel(int socket, struct parcel *p, int fds[], unsigned *n)
{
    long got =
        CALL(SYS_recvmsg, socket, &p->message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC, 0, 0, 0);
    const struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&p->message);
    size_t size = header && header->cmsg_len > CMSG_LEN(0) ? header->cmsg_len - CMSG_LEN(0) : 0;
    *n = (unsigned)(size / sizeof *fds);
    if (*n)
        __builtin_memcpy(fds, CMSG_DATA(header), *n * sizeof *fds);
    return got;
}

/* Without room for descriptors, the kernel makes none of the files of a message. */
static long drop_parcel(int socket, void *content, size_t len)
{
    struct parcel p;
    pack(&p, content, len, NULL, 0);
    return CALL(SYS_recvmsg, socket, &p.message, MSG_DONTWAIT, 0, 0, 0);
}

long sys_send_file(int socket, int fd)
{
    char byte = 0, control[CMSG_SPACE(sizeof fd)] __attribute__((aligned(8))) = { 0 };
    struct parcel p;
    pack(&p, &byte, 1, control, sizeof control);
    return send_parcel(socket, &p, &fd, 1);
}

long sys_peek_file(int socket)
{
    char byte, control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
    struct parcel p;
    unsigned n;
    int fd;
    pack(&p, &byte, 1, control, sizeof control);
    long got = peek_parcel(socket, &p, &fd, &n);
    return got < 0 ? got : n ? fd : -EMFILE;
}

long sys_drop_file(int socket)
{
    char byte;
    long got = drop_parcel(socket, &byte, 1);
    return got == 1 ? 0 : got < 0 ? got : -EAGAIN;
}

#define FILES_ROOM CMSG_SPACE(SYS_FILES_MAX * sizeof(int))

/* The kernel does not divide a message that is shorter than half of the socket's buffer
 * (net/unix/af_unix.c, unix_stream_sendmsg), and no buffer is so small that this one is not. */
long sys_send_files(int socket, const int fds[], const uint32_t words[], unsigned n)
{
    char control[FILES_ROOM] __attribute__((aligned(8)));
    struct parcel p;
    __builtin_memset(control, 0, sizeof control);
    pack(&p, (void *)words, n * sizeof *words, control, sizeof control);
    long sent = send_parcel(socket, &p, fds, n);
    return sent < 0 ? sent : 0;
}

long sys_peek_files(int socket, int fds[], uint32_t words[])
{
    char control[FILES_ROOM] __attribute__((aligned(8)));
    struct parcel p;
    unsigned n;
    pack(&p, words, SYS_FILES_MAX * sizeof *words, control, sizeof control);
    long got = peek_parcel(socket, &p, fds, &n);
    if (got <= 0)
        return got;
    if (n == (size_t)got / sizeof *words)
        return n;
    while (n)
        sys_close(fds[--n]);
    return -EMFILE;
}

long sys_drop_files(int socket)
{
    uint32_t words[SYS_FILES_MAX];
    long got = drop_parcel(socket, words, sizeof words);
    return got < 0 ? got : 0;
}

long sys_timer_create(int sig, int *timer)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig };
    return CALL(SYS_timer_create, CLOCK_MONOTONIC, &event, timer, 0, 0, 0);
}

long sys_timer_set(int timer, uint64_t ms)
{
    struct itimerspec when = { .it_value = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 } };
    return CALL(SYS_timer_settime, timer, 0, &when, NULL, 0, 0);
}

#define APART_STACK (16UL << 10)

long sys_apart_on(char *stack_end, long (*work)(void *context), void *context)
{
    struct apart a = { work, context, -EAGAIN };
    uint64_t all = UINT64_MAX, before = 0;
    sys_sigprocmask(SIG_BLOCK, &all, &before);
    long thread = start_apart(&a, stack_end);
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
    return thread < 0 ? thread : a.answer;
}

long sys_apart(long (*work)(void *context), void *context)
{
    static char stack[APART_STACK] __attribute__((aligned(16)));
    return sys_apart_on(stack + sizeof stack, work, context);
}

/* What it has to do lies on its own stack: the caller's may be gone when it begins. */
long sys_thread(const struct sys_thread *t)
{
    struct apart *a = (struct apart *)t->stack_end - 1;
    char *below = (char *)((uintptr_t)a & ~(uintptr_t)15);
    *a = (struct apart){ t->work, t->context, 0 };
    uint64_t all = UINT64_MAX, before = 0;
    sys_sigprocmask(SIG_BLOCK, &all, &before); /* a handler of the program must not run there */
    long tid = start_thread(a, below, CLONE_SETTLS | CLONE_CHILD_CLEARTID, t->pointer, t->alive);
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
    return tid;
}

bool sys_thread_lives(long tid)
{
    return CALL(SYS_tgkill, sys_getpid(), tid, 0, 0, 0, 0) == 0;
}

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

long sys_close_range(unsigned first, unsigned last)
{
    return CALL(SYS_close_range, first, last, 0, 0, 0, 0);
}

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

long sys_fd_of_thread(long tid, int fd)
{
    enum { THREAD = O_EXCL }; /* PIDFD_THREAD */
    long of = CALL(SYS_pidfd_open, tid, THREAD, 0, 0, 0, 0);
    if (of < 0)
        return of;
    long copy = CALL(SYS_pidfd_getfd, of, fd, 0, 0, 0, 0);
    sys_close((int)of);
    return copy;
}

long sys_processor(void)
{
    unsigned number;
    long answer = CALL(SYS_getcpu, &number, NULL, NULL, 0, 0, 0);
    return answer < 0 ? answer : (long)number;
}

long sys_processors(unsigned long *set, size_t size)
{
    return CALL(SYS_sched_getaffinity, 0, size, set, 0, 0, 0);
}

long sys_run_on_set(int tid, const unsigned long *set, long size)
{
    return size < 0 ? size : CALL(SYS_sched_setaffinity, tid, size, set, 0, 0, 0);
}

long sys_run_on(int tid, unsigned processor)
{
    static unsigned long set[128]; /* 8192; the stack may be a handler's */
    const unsigned bits = 8 * sizeof *set, word = processor / bits;
    if (word >= sizeof set / sizeof *set)
        return -EINVAL;
    set[word] = 1UL << processor % bits;
    long answer = sys_run_on_set(tid, set, (long)sizeof set);
    set[word] = 0;
    return answer;
}

void sys_yield(void)
{
    CALL(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

bool sys_realtime(void)
{
    enum { OTHER = 0, BATCH = 3, IDLE = 5, RESET_ON_FORK = 0x40000000 };
    long policy = CALL(SYS_sched_getscheduler, 0, 0, 0, 0, 0, 0) & ~(long)RESET_ON_FORK;
    return policy != OTHER && policy != BATCH && policy != IDLE;
}

/* One step of FNV-1a, on words. */
static uint64_t mix(uint64_t mark, uint64_t word)
{
    return (mark ^ word) * 0x100000001b3;
}

long sys_file_mark(int fd, const char *path, uint32_t *mark)
{
    struct statx file;
    long r =
        CALL(SYS_statx, path ? AT_FDCWD : fd, path ? path : "",
             (path ? 0 : AT_EMPTY_PATH) | AT_STATX_DONT_SYNC, STATX_INO | STATX_BTIME, &file, 0);
    if (r < 0)
        return r;
    uint64_t m = mix(0xcbf29ce484222325, file.stx_ino);
    m = mix(m, (uint64_t)file.stx_dev_major << 32 | file.stx_dev_minor);
    if (file.stx_mask & STATX_BTIME)
        m = mix(m, (uint64_t)file.stx_btime.tv_sec * 1000000000 + file.stx_btime.tv_nsec);
    *mark = (uint32_t)(m ^ m >> 32);
    return 0;
}

/* ---- users, groups and capabilities ---- */

static long read_capabilities(uint64_t *permitted, uint64_t *effective)
{
    struct __user_cap_header_struct header = of_this_thread();
    struct __user_cap_data_struct data[2];
    long r = CALL(SYS_capget, &header, data, 0, 0, 0, 0);
    if (r < 0)
        return r;
    *permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    *effective = (uint64_t)data[1].effective << 32 | data[0].effective;
    return 0;
}

static long write_capabilities(uint64_t permitted, uint64_t effective)
{
    struct __user_cap_header_struct header = of_this_thread();
    struct __user_cap_data_struct data[2] = { { (uint32_t)effective, (uint32_t)permitted, 0 },
                                              { (uint32_t)(effective >> 32),
                                                (uint32_t)(permitted >> 32), 0 } };
    return CALL(SYS_capset, &header, data, 0, 0, 0, 0);
}

long sys_rights(struct sys_rights *r)
{
    uint32_t *u = r->users, *g = r->groups;
    CALL(SYS_getresuid, u, u + 1, u + 2, 0, 0, 0);
    CALL(SYS_getresgid, g, g + 1, g + 2, 0, 0, 0);
    r->count = CALL(SYS_getgroups, SYS_GROUPS_MAX, r->others, 0, 0, 0, 0);
    return r->count < 0 ? r->count : read_capabilities(&r->permitted, &r->effective);
}

long sys_limit_rights(uint64_t keep, uint64_t effective)
{
    uint64_t permitted, now;
    long r = read_capabilities(&permitted, &now);
    return r < 0 ? r : write_capabilities(permitted & keep, permitted & keep & effective);
}

/* A change of users may change an attribute of the process, which the program may have set. */
long sys_take_rights(const struct sys_rights *to, uint64_t keep, uint64_t effective)
{
    struct sys_rights r = { .others = to->scratch };
    const uint32_t *u = to->users, *g = to->groups;
    long dumps = sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), first = sys_rights(&r), answer = 0;
    write_capabilities(r.permitted, r.permitted);
    if (r.count != to->count ||
        __builtin_memcmp(r.others, to->others, (size_t)r.count * sizeof *r.others) != 0)
        answer = CALL(SYS_setgroups, to->count, to->others, 0, 0, 0, 0);
    first = first < 0 ? first : answer;
    answer = CALL(SYS_setresgid, g[0], g[1], g[2], 0, 0, 0);
    first = first < 0 ? first : answer;
    answer = CALL(SYS_setresuid, u[0], u[1], u[2], 0, 0, 0);
    first = first < 0 ? first : answer;
    answer = sys_limit_rights(to->permitted & keep, to->effective & effective);
    first = first < 0 ? first : answer;
    if (sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != dumps)
        sys_prctl(PR_SET_DUMPABLE, (unsigned long)dumps, 0, 0, 0);
    return first;
}

/* The child has a copy of the memory, so it continues on its copy of this stack. */
long sys_child(void (*work)(void *context), void *context)
{
    uint64_t all = UINT64_MAX, before = 0;
    sys_sigprocmask(SIG_BLOCK, &all, &before);
    long child = CALL(SYS_clone, CLONE_VFORK, 0, 0, 0, 0, 0); /* no exit signal */
    if (child == 0) {
        work(context);
        sys_exit_group(0);
    }
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
    return child;
}

long sys_reap(long pid)
{
    return CALL(SYS_wait4, pid ? pid : -1, NULL, __WALL | (pid ? 0 : WNOHANG), NULL, 0, 0);
}

long sys_alarm(uint64_t ms)
{
    struct itimerval when = { .it_value = { (time_t)(ms / 1000),
                                            (suseconds_t)(ms % 1000) * 1000 } };
    return CALL(SYS_setitimer, ITIMER_REAL, &when, NULL, 0, 0, 0);
}
