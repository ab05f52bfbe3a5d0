/*
 * A library behind libmapherd.so that calls the program's meanwhile() with the range of each msync
 * that is about to enter the kernel.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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
