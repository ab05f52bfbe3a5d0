/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sys: every system call that the library makes.
 *
 * A function returns the kernel's own answer, a value or -errno, unless it says otherwise. errno
 * never changes. Every function is thread- and async-signal-safe. The library itself calls the
 * kernel in no other way, so a unit test that defines these functions itself (tests/unit/fakesys.c)
 * replaces the kernel: the linker takes the object of the test before that of the archive.
 */
#ifndef MAPHERD_SYS_H
#define MAPHERD_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* True if the answer of a call that returns an address is an -errno (the kernel's MAX_ERRNO). */
static inline bool sys_failed(long answer)
{
    return (unsigned long)answer >= (unsigned long)-4095L;
}

/* Memory. An address is an uintptr_t, because it may be one where nothing is mapped. */
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
/* Sets *len to the size of a System V segment, in bytes. Returns 0, or -errno. */
long sys_shm_size(int id, size_t *len);

/* Files. sys_open adds O_CLOEXEC. sys_fstat is newfstatat with AT_EMPTY_PATH, the call that glibc's
 * fstat makes: a seccomp filter that allows the program's fstat allows the library's. */
long sys_open(const char *path, int flags, unsigned mode);
/* openat(2), with these flags alone. */
long sys_openat(int dir, const char *path, int flags, unsigned mode);
long sys_dup3(int fd, int to, int flags);
long sys_close(int fd);
long sys_read(int fd, void *buf, size_t len);
long sys_pread(int fd, void *buf, size_t len, off_t offset);
long sys_write(int fd, const void *buf, size_t len);
long sys_pwrite(int fd, const void *buf, size_t len, off_t offset);
struct iovec;
long sys_readv(int fd, const struct iovec *parts, int n);
long sys_writev(int fd, const struct iovec *parts, int n);
long sys_preadv(int fd, const struct iovec *parts, int n, off_t offset);
long sys_pwritev(int fd, const struct iovec *parts, int n, off_t offset);
long sys_preadv2(int fd, const struct iovec *parts, int n, off_t offset, int how);
long sys_pwritev2(int fd, const struct iovec *parts, int n, off_t offset, int how);
/* inotify_init1(2), inotify_add_watch(2) and inotify_rm_watch(2). */
long sys_inotify(int flags);
long sys_inotify_add(int fd, const char *path, uint32_t events);
long sys_inotify_remove(int fd, long watch);
long sys_fallocate(int fd, int mode, off_t offset, off_t len);
long sys_ioctl(int fd, unsigned long request, void *arg);
long sys_fstat(int fd, struct stat *st);
long sys_fstatfs_type(int fd, long *f_type);
struct sys_space {
    uint64_t size;  /* of the filesystem, in bytes */
    uint64_t free;  /* bytes that an ordinary user may still allocate */
    long type;      /* the filesystem's magic number, statfs(2) */
    uint64_t files; /* how many it has room for; 0: it has no limit, as btrfs, or does not say */
};
long sys_fstatfs(int fd, struct sys_space *space);
long sys_statfs(const char *path, struct sys_space *space);
long sys_stat(const char *path, struct stat *st);
long sys_lstat(const char *path, struct stat *st);
/* getdents64(2): writes records of struct dirent64. Returns their bytes; 0 at the end. */
long sys_getdents(int fd, void *entries, size_t size);
long sys_lseek(int fd, off_t offset, int whence);
/* quotactl_fd(2), Linux 5.14; fd may be one of O_PATH. */
long sys_quotactl_fd(int fd, unsigned command, int id, void *to);
long sys_fcntl(int fd, int cmd, uintptr_t arg);
bool sys_has_xattr(int fd, const char *name);
/* True if the file is mapped past the page cache (STATX_ATTR_DAX, statx(2)), or may be. */
bool sys_is_dax(int fd);
long sys_truncate(const char *path, off_t len);
long sys_ftruncate(int fd, off_t len);
long sys_flock(int fd, int operation);
/* memfd_create(2), CLOEXEC. The file takes seals. */
long sys_memfd(const char *name);
/* Returns how many pages of a part of a file are dirty or under write-back (cachestat(2), Linux
 * 6.5). */
long sys_dirty_pages(int fd, off_t offset, uint64_t len);
long sys_fchmod(int fd, unsigned mode);
long sys_rename(const char *from, const char *to);
/* readlink(2): returns the length of the text, which does not end with NUL. */
long sys_readlink(const char *path, char *text, size_t size);
long sys_unlink(const char *path);

/*
 * sys_take_user gives the calling thread the access to files that another of its own users has
 * (setfsuid(2)). sys_give_user_back restores the access of before, and all that the kernel changes
 * together with it: the thread's capabilities, and two attributes of the process (kernel/cred.c,
 * commit_creds). A user that the thread may not take is no error: its access stays as it is.
 */
struct sys_user {
    long user, dumps; /* setfsuid's answer; PR_GET_DUMPABLE's */
    int parent_ends;  /* the signal of PR_SET_PDEATHSIG */
    struct {
        uint32_t effective, permitted, inheritable;
    } capabilities[2]; /* struct __user_cap_data_struct */
};
long sys_take_user(uid_t user, struct sys_user *before);
void sys_give_user_back(const struct sys_user *before);

/* Open files in a pair of sockets, where they are in no descriptor table. No function blocks. */

/* Makes two connected sockets (AF_UNIX, CLOEXEC). */
long sys_socketpair(int pair[2]);
/* Sends the open file of fd into a socket. It then waits in the other one. */
long sys_send_file(int socket, int fd);
/* Returns a new descriptor of the open file that waits in the socket, and goes on waiting there. */
long sys_peek_file(int socket);
/* Removes the open file that waits in the socket, and makes no descriptor of it. Returns 0; -EAGAIN
 * if none waits. */
long sys_drop_file(int socket);

/* Up to SYS_FILES_MAX open files in one message, with a word for each. sys_send_files sends all of
 * them or none. sys_peek_files writes new descriptors of those of the first message that waits, and
 * returns how many; 0 if no message comes any more; -EAGAIN if none waits; -EMFILE if not all of
 * them can be in the table, and none is in it then. They go on waiting until sys_drop_files. */
#define SYS_FILES_MAX 253 /* SCM_MAX_FD */
long sys_send_files(int socket, const int fds[], const uint32_t words[], unsigned n);
long sys_peek_files(int socket, int fds[], uint32_t words[]);
long sys_drop_files(int socket);

/* Calls that a program makes on its own sockets. */
struct msghdr;
struct mmsghdr;
long sys_sendto(int fd, const void *buf, size_t len, int flags, const void *to, unsigned to_len);
long sys_recvfrom(int fd, void *buf, size_t len, int flags, void *from, unsigned *from_len);
long sys_sendmsg(int fd, const struct msghdr *message, int flags);
long sys_recvmsg(int fd, struct msghdr *message, int flags);
long sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags);
long sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *time);
/* ppoll(2). The kernel writes the time that is left. mask: a set of eight bytes, or NULL. */
struct pollfd;
long sys_ppoll(struct pollfd *fds, unsigned long n, struct timespec *time, const void *mask);

/* rt_sigsuspend(2). mask: a set of eight bytes. */
long sys_sigsuspend(const void *mask);

/* True if one write of up to 4096 bytes would not block (poll(2) without a wait). */
bool sys_writable_now(int fd);

/* The process. */
long sys_getpid(void);
long sys_gettid(void);
long sys_kill(long pid, int sig);
/* fork(2), without libc's handlers, and past its own note of the thread's id. */
long sys_fork(void);
/* True if that process and this one share their memory, as a vfork child does with its parent
 * (kcmp(2)). False where the kernel does not say. */
bool sys_shares_memory(long pid);
/* True if the two descriptors of this process are of different open files (kcmp(2)). False where
 * the kernel does not say. */
bool sys_differ(int fd, int other);
long sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
/* getrandom(2) with GRND_NONBLOCK. */
long sys_getrandom(void *buf, size_t len);
/* getrandom(2). */
long sys_random(void *buf, size_t len, unsigned flags);
/* Returns the bytes of memory that the machine has (sysinfo(2)); 0 where the kernel does not
 * say. */
uint64_t sys_memory(void);
/* prlimit64(2). Each pointer is the program's, to a struct rlimit, or NULL. */
long sys_prlimit(long pid, int resource, const void *set, void *before);
/* Returns the soft limit of an RLIMIT_*, or RLIM_INFINITY where it cannot be read. */
unsigned long sys_rlimit(int resource);
/* Writes as sys_write does. This thread gets no SIGPIPE or SIGXFSZ that the write raises. */
long sys_write_quietly(int fd, const void *buf, size_t len);

/* Signals, in the kernel's own formats: a set has 64 bits, and bit n - 1 is signal n. */
#define SYS_SIGNAL_BIT(n) ((uint64_t)1 << ((n)-1))
struct sys_action {
    uintptr_t handler; /* or SIG_DFL, SIG_IGN */
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};
/* rt_sigaction. A NULL action changes nothing; before may be NULL. Where the machine needs a
 * restorer for a handler and the action has none, the function adds one that unwinders
 * recognize. */
long sys_sigaction(int sig, const struct sys_action *action, struct sys_action *before);
/* rt_sigprocmask. how: SIG_BLOCK, SIG_UNBLOCK or SIG_SETMASK. A NULL set changes nothing; before
 * may be NULL. */
long sys_sigprocmask(int how, const uint64_t *set, uint64_t *before);
/* Blocks every signal on this thread but those that an instruction causes. Returns the mask of
 * before. */
uint64_t sys_block_signals(void);
/* sigaltstack(2). A NULL stack changes nothing; before may be NULL. -EPERM where the caller runs on
 * the present alternate stack. */
long sys_sigaltstack(const stack_t *stack, stack_t *before);
/* Queues a signal with this siginfo_t to the process that pid is, or that the thread pid belongs
 * to. */
long sys_sigqueueinfo(long pid, int sig, const void *info);
/* Queues a signal with this siginfo_t to a thread. */
long sys_tgsigqueueinfo(long pid, long tid, int sig, const void *info);

/* Makes any call, for a program that gives its number. */
long sys_call(long number, long a, long b, long c, long d, long e, long f);
long sys_execve(const char *path, char *const argv[], char *const envp[]);
/* These change this thread alone; libc's functions of these names change all threads. */
long sys_setuid(uid_t uid);
long sys_setreuid(uid_t real, uid_t effective);
long sys_setresuid(uid_t real, uid_t effective, uid_t saved);
long sys_chroot(const char *path);
long sys_unshare(int flags);
long sys_setns(int fd, int kind);

/* Creates a timer that sends sig to the process. A forked child does not inherit it. */
long sys_timer_create(int sig, int *timer);
/* Lets the timer expire once, ms milliseconds from now; 0 stops it. */
long sys_timer_set(int timer, uint64_t ms);

/*
 * Runs work on a thread that has a copy of the descriptor table, and waits for its end. Returns the
 * answer of work, or -errno where no thread can be made. What work opens and closes is in no table
 * of the program, and closing it drops none of the process's POSIX locks, which belong to a table
 * (fs/locks.c). work uses less than 12 KiB of stack, and neither errno nor locks. All signals are
 * blocked in it. There is one stack for it: the caller holds a lock.
 */
long sys_apart(long (*work)(void *context), void *context);
/* The same on a stack of the caller, whose end is a multiple of 16. */
long sys_apart_on(char *stack_end, long (*work)(void *context), void *context);

/*
 * Starts a thread that has a copy of the descriptor table and runs work, and does not wait for it.
 * Returns its id, or -errno. Its signal mask is the caller's. libc does not know the thread. It
 * uses neither errno nor variables of the thread.
 */
struct sys_thread {
    long (*work)(void *context);
    void *context;
    char *stack_end; /* a multiple of 16 */
    void *pointer;   /* its thread pointer: 64 readable bytes or more, of which it is the address */
    int *alive;      /* is 1, and the kernel makes it 0 when the thread no longer uses memory */
};
long sys_thread(const struct sys_thread *t);
/* True until the process has no such thread any more. */
bool sys_thread_lives(long tid);
/* Closes the descriptors from first to last (close_range(2), Linux 5.9). */
long sys_close_range(unsigned first, unsigned last);
/* Returns a new descriptor of the file that another thread of this process has at fd, in a table of
 * its own (pidfd_getfd(2); Linux 6.9 for a thread that is not the first one). */
long sys_fd_of_thread(long tid, int fd);
/* Returns the number of the processor that runs the calling thread, or -errno. */
long sys_processor(void);

/* Writes the set of processors that the calling thread may run on. Returns its size in bytes, or
 * -errno. */
long sys_processors(unsigned long *set, size_t size);

/* Lets a thread run on the processors of a set, or on one. Return 0 or more, or -errno. sys_run_on
 * is for one thread at a time. */
long sys_run_on_set(int tid, const unsigned long *set, long size);
long sys_run_on(int tid, unsigned processor);

/* sched_yield(2). */
void sys_yield(void);

/* True unless the calling thread has one of the usual scheduling policies (sched(7)). */
bool sys_realtime(void);
/* Sets *mark to a number that tells the file of the path, or of fd if path is NULL, from others:
 * of its device, its inode and the time of its making (statx(2)). Does not open it. */
long sys_file_mark(int fd, const char *path, uint32_t *mark);

/*
 * The users, groups and capabilities of one thread. sys_rights reads those of the calling thread.
 * sys_take_rights gives the calling thread these users and groups, and takes from it all
 * capabilities that they do not have, or that keep does not have. Of those that remain, the ones of
 * `effective` are effective. It returns 0, or the error of the first call that fails, and makes the
 * calls after it nevertheless. sys_limit_rights does the last step alone.
 */
#define SYS_GROUPS_MAX 65536 /* NGROUPS_MAX */
struct sys_rights {
    uint32_t users[3], groups[3]; /* real, effective, saved */
    long count;                   /* of other groups */
    uint32_t *others, *scratch;   /* the caller's: each has room for SYS_GROUPS_MAX */
    uint64_t permitted, effective;
};
long sys_rights(struct sys_rights *r);
long sys_take_rights(const struct sys_rights *r, uint64_t keep, uint64_t effective);
long sys_limit_rights(uint64_t keep, uint64_t effective);

/*
 * Makes a child process that runs work and ends, and waits for its end (CLONE_VFORK). Returns its
 * number for sys_reap, or -errno. The child has copies of the memory and of the descriptors. All
 * signals are blocked in it, and libc does not know it. Its end sends no signal, and an ordinary
 * wait of the program does not see it.
 */
long sys_child(void (*work)(void *context), void *context);
/* Waits for that child of this process. With pid 0 it waits for none, and returns -ECHILD or 0 at
 * once. */
long sys_reap(long pid);
/* Sends SIGALRM to the process after that time (setitimer(2)). */
long sys_alarm(uint64_t ms);

_Noreturn void sys_exit_group(int status);
/* Sleeps while *word == seen. */
void sys_futex_wait(const int *word, int seen);
/* The same for at most that many milliseconds. Returns 0, or -errno: -ETIMEDOUT, -EINTR,
 * -EAGAIN. */
long sys_futex_wait_ms(const int *word, int seen, unsigned ms);
/* Wakes up to n threads that sleep for word. */
void sys_futex_wake(const int *word, int n);
/* True if the eight bytes at addr can be read. The kernel reads them, so an unmapped page causes no
 * signal. */
bool sys_readable(uintptr_t addr);
/* Copies memory of this process by the kernel (process_vm_readv(2)). False, and no signal, where a
 * part of it cannot be read, or a filter refuses the call. */
bool sys_copy_own(void *to, const void *from, size_t len);
/* get_robust_list(2). The thread is one of this process. */
struct robust_list_head;
long sys_get_robust_list(int tid, struct robust_list_head **head);
/* Sleeps that long, or until a signal is handled. */
void sys_nap(unsigned ms);
/* The kernel's own clocks, by a system call. libc's clock_gettime may be that of another library,
 * such as libfaketime, and show a time that stands still or that no file has. */
/* Returns CLOCK_MONOTONIC in milliseconds. */
uint64_t sys_now_ms(void);
/* Returns a CLOCK_* in nanoseconds. */
uint64_t sys_clock_ns(int clock);

#endif
