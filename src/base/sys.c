/*
 * sys: the only file that talks to the kernel. No policy, no state, no errno.
 */
#define _GNU_SOURCE
#include "base/sys.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/rawcall.h"

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

long sys_fstat(int fd, struct stat *st)
{
    /* glibc's struct stat is the kernel's on both machines. */
    return CALL(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH, 0, 0);
}

long sys_fstatfs_type(int fd, long *f_type)
{
    struct statfs fs;
    long r = CALL(SYS_fstatfs, fd, &fs, 0, 0, 0, 0);
    if (r == 0)
        *f_type = (long)fs.f_type;
    return r;
}

long sys_fcntl(int fd, int cmd, uintptr_t arg)
{
    return CALL(SYS_fcntl, fd, cmd, arg, 0, 0, 0);
}

long sys_ftruncate(int fd, off_t len)
{
    return CALL(SYS_ftruncate, fd, len, 0, 0, 0, 0);
}

long sys_flock(int fd, int operation)
{
    return CALL(SYS_flock, fd, operation, 0, 0, 0, 0);
}

long sys_fchmod(int fd, unsigned mode)
{
    return CALL(SYS_fchmod, fd, mode, 0, 0, 0, 0);
}

long sys_rename(const char *from, const char *to)
{
    return CALL(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0, 0);
}

long sys_unlink(const char *path)
{
    return CALL(SYS_unlinkat, AT_FDCWD, path, 0, 0, 0, 0);
}

bool sys_writable_now(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    struct timespec none = { 0, 0 };
    long r = CALL(SYS_ppoll, &p, 1, &none, 0, 0, 0);
    return r == 1 && (p.revents & POLLOUT) && !(p.revents & (POLLERR | POLLNVAL));
}

long sys_getpid(void)
{
    return CALL(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

long sys_gettid(void)
{
    return CALL(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

long sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return CALL(SYS_prctl, option, a, b, c, d, 0);
}

long sys_getrandom(void *buf, size_t len)
{
    enum { NONBLOCK = 1 };
    return CALL(SYS_getrandom, buf, len, NONBLOCK, 0, 0, 0);
}

unsigned long sys_rlimit(int resource)
{
    struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };
    CALL(SYS_prlimit64, 0, resource, 0, &r, 0, 0);
    return (unsigned long)r.rlim_cur;
}

/* The kernel's signal sets are 64 bits; bit n - 1 is signal n. */
#define KERNEL_SIGSET 8
#define SIGNAL_BIT(n) (1UL << ((n) - 1))

long sys_write_quietly(int fd, const void *buf, size_t len)
{
    unsigned long held = SIGNAL_BIT(SIGPIPE) | SIGNAL_BIT(SIGXFSZ);
    unsigned long before, pending = 0;
    if (CALL(SYS_rt_sigprocmask, SIG_BLOCK, &held, &before, KERNEL_SIGSET, 0, 0) < 0)
        return sys_write(fd, buf, len);
    CALL(SYS_rt_sigpending, &pending, KERNEL_SIGSET, 0, 0, 0, 0);
    long r = sys_write(fd, buf, len);
    if (r < 0) {
        unsigned long ours = held & ~pending;
        struct timespec none = { 0, 0 };
        if (ours)
            CALL(SYS_rt_sigtimedwait, &ours, 0, &none, KERNEL_SIGSET, 0, 0);
    }
    CALL(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, KERNEL_SIGSET, 0, 0);
    return r;
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

void sys_futex_wake(const int *word, int n)
{
    CALL(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, 0, 0, 0);
}

uint64_t sys_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* the vDSO's: no system call, async-signal-safe */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
