/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * How a call reaches the kernel. A program calls libc's function by its name, which a preloaded
 * library can define. Or it passes that by: it finds libc's own function by a handle of libc
 * (ctypes, JNA, FFM, Julia), calls libc's syscall, or has an instruction of its own. The library
 * sees the first two where it redirects libc's sites, and the last one never.
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

#include "../raw.h"

static unsigned unseen_share, past_share;
static struct way by_name, by_handle, by_number, raw_way;
const struct way *way = &by_name;
bool no_hook;

/* By libc's syscall, or by an instruction of this program. */
static bool by_libc;
#define number(...) (by_libc ? syscall(__VA_ARGS__) : raw(__VA_ARGS__))

static void *number_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return (void *)number(SYS_mmap, at, len, prot, flags, fd, offset);
}

static int number_munmap(void *at, size_t len)
{
    return (int)number(SYS_munmap, at, len);
}

static void *number_mremap(void *at, size_t old_len, size_t new_len, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    void *where = va_arg(args, void *);
    va_end(args);
    return (void *)number(SYS_mremap, at, old_len, new_len, flags, where);
}

static int number_mprotect(void *at, size_t len, int prot)
{
    return (int)number(SYS_mprotect, at, len, prot);
}

static int number_pkey_mprotect(void *at, size_t len, int prot, int key)
{
    return (int)number(SYS_pkey_mprotect, at, len, prot, key);
}

static int number_madvise(void *at, size_t len, int advice)
{
    return (int)number(SYS_madvise, at, len, advice);
}

/* As libc's: the error is the result, and POSIX_MADV_DONTNEED must not lose anything. */
static int number_posix_madvise(void *at, size_t len, int advice)
{
    int kept = errno;
    int error = advice != POSIX_MADV_DONTNEED && number(SYS_madvise, at, len, advice) ? errno : 0;
    errno = kept;
    return error;
}

static int number_mincore(void *at, size_t len, unsigned char *resident)
{
    return (int)number(SYS_mincore, at, len, resident);
}

static int number_msync(void *at, size_t len, int flags)
{
    return (int)number(SYS_msync, at, len, flags);
}

static int number_mlock(const void *at, size_t len)
{
    return (int)number(SYS_mlock, at, len);
}

static int number_mlock2(const void *at, size_t len, unsigned flags)
{
    return (int)number(SYS_mlock2, at, len, flags);
}

static int number_munlock(const void *at, size_t len)
{
    return (int)number(SYS_munlock, at, len);
}

static int number_mlockall(int flags)
{
    return (int)number(SYS_mlockall, flags);
}

static int number_munlockall(void)
{
    return (int)number(SYS_munlockall);
}

static int number_ftruncate(int fd, off_t len)
{
    return (int)number(SYS_ftruncate, fd, len);
}

static int number_flock(int fd, int operation)
{
    return (int)number(SYS_flock, fd, operation);
}

static int number_remap_file_pages(void *at, size_t len, int prot, size_t offset, int flags)
{
    return (int)number(SYS_remap_file_pages, at, len, prot, offset, flags);
}

static void *number_shmat(int id, const void *at, int flags)
{
    return (void *)number(SYS_shmat, id, at, flags);
}

static int number_prctl(int option, ...)
{
    va_list args;
    va_start(args, option);
    unsigned long a = va_arg(args, unsigned long), b = va_arg(args, unsigned long);
    unsigned long c = va_arg(args, unsigned long), d = va_arg(args, unsigned long);
    va_end(args);
    return (int)number(SYS_prctl, option, a, b, c, d);
}

/* A fork of which no handler of pthread_atfork hears. */
static pid_t number_fork(void)
{
    return (pid_t)number(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
}

static const struct way numbers = {
    .mmap = number_mmap,
    .mmap64 = number_mmap,
    .munmap = number_munmap,
    .mremap = number_mremap,
    .mprotect = number_mprotect,
    .pkey_mprotect = number_pkey_mprotect,
    .madvise = number_madvise,
    .posix_madvise = number_posix_madvise,
    .mincore = number_mincore,
    .msync = number_msync,
    .mlock = number_mlock,
    .mlock2 = number_mlock2,
    .munlock = number_munlock,
    .mlockall = number_mlockall,
    .munlockall = number_munlockall,
    .ftruncate = number_ftruncate,
    .ftruncate64 = number_ftruncate,
    .flock = number_flock,
    .remap_file_pages = number_remap_file_pages,
    .shmat = number_shmat,
    .prctl = number_prctl,
    .fork = number_fork,
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

/* Where all that this thread does is seen, what is no site of libc's goes by its name. */
static void name_the_rest(struct way *w)
{
    w->msync = by_name.msync;
    w->ftruncate = by_name.ftruncate;
    w->ftruncate64 = by_name.ftruncate64;
    w->flock = by_name.flock;
    w->prctl = by_name.prctl;
    w->remap_file_pages = by_name.remap_file_pages;
}

void ways_start(unsigned unseen, unsigned past)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    if (!libc) {
        fprintf(stderr, "diff-driver: no handle of libc: %s\n", dlerror());
        exit(6);
    }
    unseen_share = unseen;
    past_share = past;
    by_name = way_of("", RTLD_DEFAULT);
    by_handle = way_of("by handle ", libc);
    by_number = raw_way = numbers;
    by_number.name = "by number ";
    raw_way.name = "raw ";
    if (past) {
        name_the_rest(&by_handle);
        name_the_rest(&by_number);
    }
}

static const struct way *choose(void)
{
    if (unseen_share && percent(unseen_share))
        return differs.cold ? &by_number : percent(60) ? &raw_way : &by_handle;
    if (past_share && percent(past_share))
        return percent(50) ? &by_number : &by_handle;
    return &by_name;
}

void ways_choose(void)
{
    way = choose();
    by_libc = way == &by_number;
    no_hook = !past_share && way != &by_name;
}

void ways_no_hook(void)
{
    no_hook = true;
}

void ways_by_name(void)
{
    if (!no_hook)
        return;
    say(" by name");
    way = &by_name;
    no_hook = false;
}

bool ways_unseen(void)
{
    return unseen_share > 0;
}
