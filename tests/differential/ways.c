/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * How a call reaches the kernel. A program calls libc's function by its name, which a preloaded
 * library can define; or it does what no such library sees: it makes the system call itself, or it
 * finds libc's own function by a handle of libc (ctypes, JNA, FFM, Julia).
 */
#define _GNU_SOURCE
#include "driver.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned unseen_share;
static struct way by_name, by_handle;
const struct way *way = &by_name;
bool no_hook;

static void *raw_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
}

static int raw_munmap(void *at, size_t len)
{
    return (int)syscall(SYS_munmap, at, len);
}

static void *raw_mremap(void *at, size_t old_len, size_t new_len, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    void *where = va_arg(args, void *);
    va_end(args);
    return (void *)syscall(SYS_mremap, at, old_len, new_len, flags, where);
}

static int raw_mprotect(void *at, size_t len, int prot)
{
    return (int)syscall(SYS_mprotect, at, len, prot);
}

static int raw_pkey_mprotect(void *at, size_t len, int prot, int key)
{
    return (int)syscall(SYS_pkey_mprotect, at, len, prot, key);
}

static int raw_madvise(void *at, size_t len, int advice)
{
    return (int)syscall(SYS_madvise, at, len, advice);
}

/* As libc's: the error is the result, and POSIX_MADV_DONTNEED must not lose anything. */
static int raw_posix_madvise(void *at, size_t len, int advice)
{
    int kept = errno;
    int error = advice != POSIX_MADV_DONTNEED && syscall(SYS_madvise, at, len, advice) ? errno : 0;
    errno = kept;
    return error;
}

static int raw_mincore(void *at, size_t len, unsigned char *resident)
{
    return (int)syscall(SYS_mincore, at, len, resident);
}

static int raw_msync(void *at, size_t len, int flags)
{
    return (int)syscall(SYS_msync, at, len, flags);
}

static int raw_mlock(const void *at, size_t len)
{
    return (int)syscall(SYS_mlock, at, len);
}

static int raw_mlock2(const void *at, size_t len, unsigned flags)
{
    return (int)syscall(SYS_mlock2, at, len, flags);
}

static int raw_munlock(const void *at, size_t len)
{
    return (int)syscall(SYS_munlock, at, len);
}

static int raw_mlockall(int flags)
{
    return (int)syscall(SYS_mlockall, flags);
}

static int raw_munlockall(void)
{
    return (int)syscall(SYS_munlockall);
}

static int raw_ftruncate(int fd, off_t len)
{
    return (int)syscall(SYS_ftruncate, fd, len);
}

static int raw_flock(int fd, int operation)
{
    return (int)syscall(SYS_flock, fd, operation);
}

static int raw_remap_file_pages(void *at, size_t len, int prot, size_t offset, int flags)
{
    return (int)syscall(SYS_remap_file_pages, at, len, prot, offset, flags);
}

static void *raw_shmat(int id, const void *at, int flags)
{
    return (void *)syscall(SYS_shmat, id, at, flags);
}

static int raw_prctl(int option, ...)
{
    va_list args;
    va_start(args, option);
    unsigned long a = va_arg(args, unsigned long), b = va_arg(args, unsigned long);
    unsigned long c = va_arg(args, unsigned long), d = va_arg(args, unsigned long);
    va_end(args);
    return (int)syscall(SYS_prctl, option, a, b, c, d);
}

/* A fork of which no handler of pthread_atfork hears. */
static pid_t raw_fork(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
}

static const struct way raw = {
    .name = "raw ",
    .mmap = raw_mmap,
    .mmap64 = raw_mmap,
    .munmap = raw_munmap,
    .mremap = raw_mremap,
    .mprotect = raw_mprotect,
    .pkey_mprotect = raw_pkey_mprotect,
    .madvise = raw_madvise,
    .posix_madvise = raw_posix_madvise,
    .mincore = raw_mincore,
    .msync = raw_msync,
    .mlock = raw_mlock,
    .mlock2 = raw_mlock2,
    .munlock = raw_munlock,
    .mlockall = raw_mlockall,
    .munlockall = raw_munlockall,
    .ftruncate = raw_ftruncate,
    .ftruncate64 = raw_ftruncate,
    .flock = raw_flock,
    .remap_file_pages = raw_remap_file_pages,
    .shmat = raw_shmat,
    .prctl = raw_prctl,
    .fork = raw_fork,
};

/* The table of a handle: RTLD_DEFAULT finds what is preloaded, libc's handle finds libc's own. */
static struct way way_of(const char *name, void *handle)
{
    struct way w = { .name = name };
    /* What dlsym returns is an object pointer; POSIX says how it becomes a function's. */
#define FIND(function) (*(void **)&w.function = dlsym(handle, #function))
    FIND(mmap), FIND(mmap64), FIND(munmap), FIND(mremap), FIND(mprotect), FIND(pkey_mprotect);
    FIND(madvise), FIND(posix_madvise), FIND(mincore), FIND(msync), FIND(mlock), FIND(mlock2),
        FIND(munlock);
    FIND(mlockall), FIND(munlockall), FIND(ftruncate), FIND(ftruncate64), FIND(flock);
    FIND(remap_file_pages), FIND(shmat), FIND(prctl), FIND(fork);
#undef FIND
    return w;
}

void ways_start(unsigned share)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    if (!libc) {
        fprintf(stderr, "diff-driver: no handle of libc: %s\n", dlerror());
        exit(6);
    }
    unseen_share = share;
    by_name = way_of("", RTLD_DEFAULT);
    by_handle = way_of("by handle ", libc);
}

void ways_choose(void)
{
    way = !unseen_share || !percent(unseen_share) ? &by_name
          : percent(60) || differs.cold           ? &raw
                                                  : &by_handle;
    no_hook = way != &by_name;
}

void ways_no_hook(void)
{
    no_hook = true;
}

void ways_by_name(void)
{
    if (way != &by_name)
        say(" by name");
    way = &by_name;
    no_hook = false;
}

bool ways_unseen(void)
{
    return unseen_share > 0;
}
