/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * An allocator that maps inside its own lock, as many do. Whoever allocates inside a hook comes
 * back here on the same thread, and is told: a real one would hang. It takes its lock around each fork, and
 * registers that after it has mapped for the first time, as jemalloc does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, ALIGN = 16 };

static int owner; /* the holder's thread id; 0: free */
static char *free_start, *free_end;

static void lock(void)
{
    int self = (int)syscall(SYS_gettid), none = 0;
    while (
        !__atomic_compare_exchange_n(&owner, &none, self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (none == self) {
            static const char text[] = "contexts_malloc: entered again by the same thread\n";
            if (write(2, text, sizeof text - 1) > 0)
                _exit(99);
            _exit(98);
        }
        none = 0;
        syscall(SYS_sched_yield);
    }
}

static void unlock(void)
{
    __atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

/* In a child the thread has another id than in the parent. */
static void free_in_child(void)
{
    __atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

static void at_fork(void)
{
    static int registered;
    if (!__atomic_exchange_n(&registered, 1, __ATOMIC_RELAXED))
        pthread_atfork(lock, unlock, free_in_child);
}

/* In front of each block: how long it is. */
static void *take(size_t len, size_t align)
{
    if (align < ALIGN)
        align = ALIGN;
    if (len > SIZE_MAX / 2) {
        errno = ENOMEM;
        return NULL;
    }
    lock();
    uintptr_t at = ((uintptr_t)free_start + ALIGN + align - 1) & ~(uintptr_t)(align - 1);
    if (!free_start || at + len > (uintptr_t)free_end) {
        size_t want = (len + align + ALIGN + CHUNK - 1) & ~(size_t)(CHUNK - 1);
        char *more = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (more == MAP_FAILED) {
            unlock();
            errno = ENOMEM;
            return NULL;
        }
        mprotect(more, want, PROT_READ | PROT_WRITE); /* as arenas are committed */
        free_start = more;
        free_end = more + want;
        at = ((uintptr_t)more + ALIGN + align - 1) & ~(uintptr_t)(align - 1);
    }
    free_start = (char *)at + len;
    ((size_t *)at)[-1] = len;
    unlock();
    at_fork();
    return (void *)at;
}

void *malloc(size_t len)
{
    return take(len, ALIGN);
}

void free(void *at)
{
    if (!at)
        return;
    size_t len = ((size_t *)at)[-1];
    if (len < CHUNK)
        return; /* what it held is not used again */
    lock();
    uintptr_t start = ((uintptr_t)at + 4095) & ~4095ul, end = ((uintptr_t)at + len) & ~4095ul;
    munmap((void *)start, end - start);
    unlock();
}

void *calloc(size_t n, size_t size)
{
    size_t len;
    if (__builtin_mul_overflow(n, size, &len)) {
        errno = ENOMEM;
        return NULL;
    }
    return take(len, ALIGN); /* new memory is zero, and memory is never used again */
}

void *realloc(void *at, size_t len)
{
    void *made = take(len, ALIGN);
    if (made && at) {
        size_t had = ((size_t *)at)[-1];
        memcpy(made, at, had < len ? had : len);
        free(at);
    }
    return made;
}

void *aligned_alloc(size_t align, size_t len)
{
    return take(len, align);
}

void *memalign(size_t align, size_t len)
{
    return take(len, align);
}

int posix_memalign(void **at, size_t align, size_t len)
{
    *at = take(len, align);
    return *at ? 0 : ENOMEM;
}

size_t malloc_usable_size(void *at)
{
    return at ? ((size_t *)at)[-1] : 0;
}
