/*
 * sys: every call to the kernel that mapherd makes, one verb each.
 *
 * Each returns the kernel's own answer: >= 0, or -errno; errno is never touched.
 * All are thread- and async-signal-safe. Nothing else in the project talks to the
 * kernel from inside a program, so a unit test that defines these functions itself
 * (tests/unit/fakesys.c) holds the whole library in its hand: the linker takes the
 * test's object before the archive's.
 */
#ifndef MAPHERD_SYS_H
#define MAPHERD_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* True where a mapping call's answer is an error and not an address (the kernel's MAX_ERRNO). */
static inline bool sys_failed(long answer)
{
    return (unsigned long)answer >= (unsigned long)-4095L;
}

/* Memory. Addresses are uintptr_t: a caller may hold one that is not mapped. */
long sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset);
long sys_munmap(uintptr_t addr, size_t len);
long sys_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t new_addr);
long sys_mprotect(uintptr_t addr, size_t len, int prot);
long sys_pkey_mprotect(uintptr_t addr, size_t len, int prot, int pkey);
long sys_madvise(uintptr_t addr, size_t len, int advice);
long sys_mincore(uintptr_t addr, size_t len, unsigned char *present);
long sys_msync(uintptr_t addr, size_t len, int flags);
long sys_mlock(uintptr_t addr, size_t len);
long sys_mlock2(uintptr_t addr, size_t len, unsigned flags);
long sys_munlock(uintptr_t addr, size_t len);
long sys_mlockall(int flags);
long sys_munlockall(void);
long sys_shmat(int id, uintptr_t addr, int flags);
/* The size of a System V segment. */
long sys_shm_size(int id, size_t *len);

/* Files. sys_open adds O_CLOEXEC; sys_fstat is newfstatat with AT_EMPTY_PATH, the call that
 * glibc's own fstat makes, so that a seccomp filter that lets the program live lets us live. */
long sys_open(const char *path, int flags, unsigned mode);
long sys_close(int fd);
long sys_read(int fd, void *buf, size_t len);
long sys_pread(int fd, void *buf, size_t len, off_t offset);
long sys_write(int fd, const void *buf, size_t len);
long sys_pwrite(int fd, const void *buf, size_t len, off_t offset);
/* inotify_init1, inotify_add_watch and inotify_rm_watch. */
long sys_inotify(int flags);
long sys_inotify_add(int fd, const char *path, uint32_t events);
long sys_inotify_remove(int fd, long watch);
long sys_fallocate(int fd, int mode, off_t offset, off_t len);
long sys_ioctl(int fd, unsigned long request, void *arg);
long sys_fstat(int fd, struct stat *st);
long sys_fstatfs_type(int fd, long *f_type);
/* The size of a filesystem, and what an ordinary user may still take of it; both in bytes. */
struct sys_space {
    uint64_t size, free;
    long type;      /* the filesystem's magic number, statfs(2) */
    uint64_t files; /* how many it has room for; 0: it has no such limit, as btrfs, or does not say */
};
long sys_fstatfs(int fd, struct sys_space *space);
long sys_statfs(const char *path, struct sys_space *space);
long sys_stat(const char *path, struct stat *st);
long sys_lstat(const char *path, struct stat *st);
/* getdents64(2): records of struct dirent64, as readdir's. The number of bytes; 0 at the end. */
long sys_getdents(int fd, void *entries, size_t size);
long sys_lseek(int fd, off_t offset, int whence);
/* quotactl_fd(2), Linux 5.14; fd may be one of O_PATH. */
long sys_quotactl_fd(int fd, unsigned command, int id, void *to);
long sys_fcntl(int fd, int cmd, uintptr_t arg);
long sys_ftruncate(int fd, off_t len);
long sys_flock(int fd, int operation);
/* A file of no filesystem, CLOEXEC. */
long sys_memfd(const char *name);
/* Pages of a part of a file that are dirty or on their way to the disk (Linux 6.5). */
long sys_dirty_pages(int fd, off_t offset, uint64_t len);
long sys_fchmod(int fd, unsigned mode);
long sys_rename(const char *from, const char *to);
/* The length of what the link at path says, which is not NUL-terminated. */
long sys_readlink(const char *path, char *text, size_t size);
long sys_unlink(const char *path);

/*
 * The calling thread's access to files is that of another of its own users (setfsuid(2)), and again what it
 * was before. What the kernel changes with that comes back too: the thread's capabilities, and two attributes
 * of the process (kernel/cred.c, commit_creds). A user that the thread may not take is no error: what is done
 * then is refused as before.
 */
struct sys_user {
    long user, dumps;
    int parent_ends; /* the signal */
    struct {
        uint32_t effective, permitted, inheritable;
    } capabilities[2]; /* struct __user_cap_data_struct */
};
long sys_take_user(uid_t user, struct sys_user *before);
void sys_give_user_back(const struct sys_user *before);

/* Two connected sockets (AF_UNIX, CLOEXEC). Sends the open file of fd into one, where it waits in the other:
 * it is in no descriptor table then. peek: a new descriptor of what waits there, which goes on waiting. drop: what
 * waits there goes, and no descriptor of it is made; 0, or -EAGAIN: there was nothing. None of them blocks. */
long sys_socketpair(int pair[2]);
long sys_send_file(int socket, int fd);
long sys_peek_file(int socket);
long sys_drop_file(int socket);

/* True if one write of up to 4096 bytes would not block (poll(2) with no wait). */
bool sys_writable_now(int fd);

/* Process. */
long sys_getpid(void);
long sys_gettid(void);
/* That process and this one have one memory, as a vfork child has its parent's (kcmp(2)). False where the kernel
 * does not say. */
bool sys_shares_memory(long pid);
long sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
long sys_getrandom(void *buf, size_t len);
/* Bytes of memory that the machine has; 0 where the kernel does not say (sysinfo(2)). */
uint64_t sys_memory(void);
/* prlimit64(2); the pointers are the program's, to a struct rlimit, either may be NULL. */
long sys_prlimit(long pid, int resource, const void *set, void *before);
/* The soft limit of an RLIMIT_*, or RLIM_INFINITY where it cannot be read. */
unsigned long sys_rlimit(int resource);
/* Writes to fd with SIGPIPE and SIGXFSZ held back on this thread and swallowed if the write
 * raised them. */
long sys_write_quietly(int fd, const void *buf, size_t len);

/* Signals. The kernel's own forms: a set is 64 bits, bit n - 1 is signal n. */
#define SYS_SIGNAL_BIT(n) ((uint64_t)1 << ((n) - 1))
struct sys_action {
    uintptr_t handler; /* or SIG_DFL, SIG_IGN */
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};
/* A NULL action asks; before may be NULL. Where the machine needs a restorer for a
 * handler and the action names none, it is given one that unwinders know. */
long sys_sigaction(int sig, const struct sys_action *action, struct sys_action *before);
/* how: SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK; a NULL set asks; before may be NULL. */
long sys_sigprocmask(int how, const uint64_t *set, uint64_t *before);
/* Blocks every signal but those that an instruction causes, for this thread; the mask of before. */
uint64_t sys_block_signals(void);
/* A NULL stack asks; before may be NULL. EPERM where the caller runs on the stack of now. */
long sys_sigaltstack(const stack_t *stack, stack_t *before);
/* Queues a signal with this siginfo (a siginfo_t): to the process that pid, or a thread of that
 * number, belongs to; to a thread. */
long sys_sigqueueinfo(long pid, int sig, const void *info);
long sys_tgsigqueueinfo(long pid, long tid, int sig, const void *info);

/* Any call, for a program that names one by its number. */
long sys_call(long number, long a, long b, long c, long d, long e, long f);
long sys_execve(const char *path, char *const argv[], char *const envp[]);
/* The kernel's own: of this thread alone. */
long sys_setuid(uid_t uid);
long sys_setreuid(uid_t real, uid_t effective);
long sys_setresuid(uid_t real, uid_t effective, uid_t saved);
long sys_chroot(const char *path);
long sys_unshare(int flags);
long sys_setns(int fd, int kind);

/* A timer of the process that sends sig; it is not inherited. ms from now on, once; 0 stops it. */
long sys_timer_create(int sig, int *timer);
long sys_timer_set(int timer, uint64_t ms);

/*
 * Runs work on a thread that has a copy of the descriptor table, and waits for it: what it opens and closes
 * there is in no table of the program, and drops none of the process's POSIX locks (they belong to a table,
 * fs/locks.c). Its answer, or -errno where there is no thread. work uses less than 12 KiB of stack and
 * neither errno nor locks. One at a time: the caller holds a lock. All signals are blocked in it.
 */
long sys_apart(long (*work)(void *context), void *context);

/*
 * A child process that runs work and ends; the caller sleeps until it has ended (CLONE_VFORK). It has copies of the
 * memory and of the descriptors, all signals are blocked in it, and libc knows nothing of it. Its end sends no
 * signal, and an ordinary wait of the program's does not see it. Its number, for sys_reap, or -errno.
 */
long sys_child(void (*work)(void *context), void *context);
/* Waits for that child of this process; 0: for none, and answers -ECHILD or 0 at once. */
long sys_reap(long pid);
/* SIGALRM to the process, after that time (setitimer(2)). */
long sys_alarm(uint64_t ms);

_Noreturn void sys_exit_group(int status);
/* Sleeps while *word == seen; wakes up to n sleepers. */
void sys_futex_wait(const int *word, int seen);
void sys_futex_wake(const int *word, int n);
/* True if the eight bytes at an address can be read: nothing is read by the caller, and no signal
 * comes. */
bool sys_readable(uintptr_t addr);
/* Sleeps that long, or until a signal is handled. */
void sys_nap(unsigned ms);
/* The kernel's own clocks, by a system call: libc's clock_gettime may be another library's
 * (libfaketime), and show a time that stands still or that no file has. */
/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t sys_now_ms(void);
/* Nanoseconds of a CLOCK_*. */
uint64_t sys_clock_ns(int clock);

#endif
