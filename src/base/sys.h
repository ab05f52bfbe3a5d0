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
long sys_fstat(int fd, struct stat *st);
long sys_fstatfs_type(int fd, long *f_type);
long sys_fcntl(int fd, int cmd, uintptr_t arg);
long sys_ftruncate(int fd, off_t len);
long sys_flock(int fd, int operation);
long sys_fchmod(int fd, unsigned mode);
long sys_rename(const char *from, const char *to);
long sys_unlink(const char *path);

/* True if one write of up to 4096 bytes would not block (poll(2) with no wait). */
bool sys_writable_now(int fd);

/* Process. */
long sys_getpid(void);
long sys_gettid(void);
long sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
long sys_getrandom(void *buf, size_t len);
/* The soft limit of an RLIMIT_*, or RLIM_INFINITY where it cannot be read. */
unsigned long sys_rlimit(int resource);
/* Writes to fd with SIGPIPE and SIGXFSZ held back on this thread and swallowed if the write
 * raised them. */
long sys_write_quietly(int fd, const void *buf, size_t len);
_Noreturn void sys_exit_group(int status);
/* Sleeps while *word == seen; wakes up to n sleepers. */
void sys_futex_wait(const int *word, int seen);
void sys_futex_wake(const int *word, int n);
/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t sys_now_ms(void);

#endif
