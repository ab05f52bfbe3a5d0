/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * A library behind libmapherd.so that calls the program's meanwhile() with the range of each msync
 * that is about to enter the kernel, and after_fallocate() after each fallocate that has succeeded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

int msync(void *addr, size_t len, int flags)
{
    void *symbol = dlsym(RTLD_DEFAULT, "meanwhile");
    void (*meanwhile)(void *, size_t);
    if (symbol) {
        *(void **)&meanwhile = symbol;
        meanwhile(addr, len);
    }
    return (int)syscall(SYS_msync, addr, len, flags);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    void *symbol = dlsym(RTLD_DEFAULT, "after_fallocate");
    void (*after_fallocate)(void);
    int answer = (int)syscall(SYS_fallocate, fd, mode, offset, len);
    if (symbol && answer == 0) {
        *(void **)&after_fallocate = symbol;
        after_fallocate();
    }
    return answer;
}
