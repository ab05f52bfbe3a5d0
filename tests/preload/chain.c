/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * A library that is preloaded with mapherd, defines some of the same names, and says at the end how often
 * each was called, if CHAIN is set: "open 3".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

static unsigned long opens, fopens, reads;

int counted_open(const char *path, int flags, mode_t mode) __asm__("open");
int counted_open(const char *path, int flags, mode_t mode)
{
    static int (*next)(const char *, int, ...);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "open");
    opens++;
    return next(path, flags, mode);
}

FILE *counted_fopen(const char *path, const char *mode) __asm__("fopen");
FILE *counted_fopen(const char *path, const char *mode)
{
    static FILE *(*next)(const char *, const char *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "fopen");
    fopens++;
    return next(path, mode);
}

ssize_t counted_read(int fd, void *buf, size_t len) __asm__("read");
ssize_t counted_read(int fd, void *buf, size_t len)
{
    static ssize_t (*next)(int, void *, size_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "read");
    reads++;
    return next(fd, buf, len);
}

__attribute__((destructor)) static void tell(void)
{
    if (getenv("CHAIN"))
        fprintf(stderr, "open %lu\nfopen %lu\nread %lu\n", opens, fopens, reads);
}
