/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * bench: one measurement, printed as one number. bench.sh runs each with the library and without.
 *
 * Pairs and ascending chunks are measured in processor time, the rest on the wall.
 *
 *     bench anonymous           ns of an mmap + munmap pair of anonymous memory
 *     bench whole FILE          ... of a file of 64 KiB, whole
 *     bench zeros FILE          ms of writing 1 GiB of zeros to it
 *     bench allocated FILE      ms of mapping 1 GiB of it, all holes
 *     bench chunk FILE          ... of a chunk of 1 MiB of a larger file
 *     bench ascending FILE      ns of an mmap, 20,000 chunks of 1 MiB in ascending order
 *     bench both FILE           ... and of its munmap
 *     bench inside FILE         ns of a pair of a chunk between others, 10,000 of which are mapped
 *     bench fork FILE           us of fork + wait, 20,000 chunks mapped
 *     bench threads FILE        ns of a pair of a chunk, 64 threads at once
 *     bench handle FILE         ns of a pair of a chunk by libc's mmap and munmap, found by a handle
 *     bench brief WHAT          ns of getppid, of the same by number (syscall), or of a read of a
 *                               byte; of a signal to this thread and its handler
 *     bench action 10|7         ns of two sigaction() of that signal, a handler and the default
 *     bench mask few|all        ns of a pthread_sigmask() that blocks SIGTERM, or all, and one back
 *     bench memory FILE Rss|Pss KiB that this process takes after a chunk was mapped
 *     bench holes FILE          ns of the first store to a page, 4,000 pages of a sparse file
 *     bench start LIBRARY|-     us of starting /bin/true with that LD_PRELOAD, and waiting
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define CHUNK (1L << 20)
#define CHUNKS 20000L
#define PAIRS 30000L
#define THREADS 64
#define PAIRS_A_THREAD 500L
#define FORKS 20
#define STARTS 100

static int fd;

/* Time of the processor, user and system: what other load is on the machine does not count. */
static double cpu_ns(void)
{
    return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Where several processes or threads are at work: time on the wall. */
static double now_ns(void)
{
    return (double)clock_ns(CLOCK_MONOTONIC);
}

static void *map(size_t len, int flags, int file, off_t offset)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, file, offset);
    if (p == MAP_FAILED)
        die("mmap");
    return p;
}

static void unmap(void *p, size_t len)
{
    if (munmap(p, len) < 0)
        die("munmap");
}

static double pairs(size_t len, int flags, int file, off_t offset, long n)
{
    double start = cpu_ns();
    for (long i = 0; i < n; i++)
        unmap(map(len, flags, file, offset), len);
    return (cpu_ns() - start) / (double)n;
}

/* Every second chunk stays mapped; those between come and go. */
static double inside(void)
{
    for (long n = 0; n < CHUNKS; n += 2)
        map(CHUNK, MAP_SHARED, fd, n * CHUNK);
    double start = cpu_ns();
    for (long n = 0; n < PAIRS; n++)
        unmap(map(CHUNK, MAP_SHARED, fd, (n * 2 % (CHUNKS - 2) + 1) * CHUNK), CHUNK);
    return (cpu_ns() - start) / PAIRS;
}

static void map_all(void **at)
{
    for (long i = 0; i < CHUNKS; i++)
        at[i] = map(CHUNK, MAP_SHARED, fd, i * CHUNK);
}

static double ascending(int and_unmap)
{
    static void *at[CHUNKS];
    double start = cpu_ns();
    map_all(at);
    for (long i = 0; and_unmap && i < CHUNKS; i++)
        unmap(at[i], CHUNK);
    return (cpu_ns() - start) / CHUNKS;
}

static double forks(void)
{
    static void *at[CHUNKS];
    map_all(at);
    double start = now_ns();
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child < 0 || waitpid(child, NULL, 0) < 0)
            die("fork");
    }
    return (now_ns() - start) / FORKS / 1000;
}

static double pairs_by_handle(void)
{
    void *(*by_handle)(void *, size_t, int, int, int, off_t);
    int (*unmap_by_handle)(void *, size_t);
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (!libc)
        die("libc.so.6");
    *(void **)&by_handle = dlsym(libc, "mmap");
    *(void **)&unmap_by_handle = dlsym(libc, "munmap");
    double start = cpu_ns();
    for (long i = 0; i < PAIRS; i++) {
        void *at = by_handle(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 5 * CHUNK);
        if (at == MAP_FAILED || unmap_by_handle(at, CHUNK))
            die("mmap by handle");
    }
    return (cpu_ns() - start) / PAIRS;
}

static void *one_thread(void *number)
{
    for (long i = 0; i < PAIRS_A_THREAD; i++)
        unmap(map(CHUNK, MAP_SHARED, fd, (long)(intptr_t)number * CHUNK), CHUNK);
    return NULL;
}

static double threads(void)
{
    pthread_t t[THREADS];
    double start = now_ns();
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&t[i], NULL, one_thread, (void *)(intptr_t)i))
            die("pthread_create");
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    return (now_ns() - start) / (THREADS * PAIRS_A_THREAD);
}

static double memory(const char *field)
{
    char line[200];
    double kib = -1;
    map(CHUNK, MAP_SHARED, fd, CHUNK);
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    if (!f)
        die("/proc/self/smaps_rollup");
    while (fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':')
            kib = atof(line + strlen(field) + 1);
    fclose(f);
    return kib;
}

static double starts(const char *library)
{
    char setting[4096];
    char *const arguments[] = { "true", NULL };
    char *const environment[] = { setting, NULL };
    snprintf(setting, sizeof setting, "LD_PRELOAD=%s", strcmp(library, "-") ? library : "");
    double start = now_ns();
    for (int i = 0; i < STARTS; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environment))
            die("posix_spawn");
        if (waitpid(child, &status, 0) < 0 || status)
            die("/bin/true");
    }
    return (now_ns() - start) / STARTS / 1000;
}

static void never(int sig)
{
    (void)sig;
}

/* Calls that the library has nothing to do with. */
static double brief(const char *what)
{
    enum { TIMES = 300000 };
    char byte;
    bool by_number = !strcmp(what, "number"), reads = !strcmp(what, "read");
    bool signals = !strcmp(what, "signal");
    int zero = open("/dev/zero", O_RDONLY);
    struct sigaction mine = { .sa_handler = never };
    if (zero < 0 || sigaction(SIGUSR1, &mine, NULL))
        die("/dev/zero or sigaction");
    double start = cpu_ns();
    for (int i = 0; i < TIMES; i++) {
        if (by_number)
            syscall(SYS_getppid);
        else if (reads && read(zero, &byte, 1) != 1)
            die("read");
        else if (signals)
            raise(SIGUSR1);
        else if (!reads)
            getppid();
    }
    return (cpu_ns() - start) / TIMES;
}

static double actions(int sig)
{
    enum { TIMES = 200000 };
    struct sigaction mine = { .sa_handler = never }, plain = { .sa_handler = SIG_DFL }, old;
    double start = cpu_ns();
    for (int i = 0; i < TIMES; i++)
        if (sigaction(sig, &mine, &old) || sigaction(sig, &plain, &old))
            die("sigaction");
    return (cpu_ns() - start) / TIMES;
}

static double masks(bool all)
{
    enum { TIMES = 200000 };
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (all)
        sigfillset(&set);
    double start = cpu_ns();
    for (int i = 0; i < TIMES; i++)
        if (pthread_sigmask(SIG_BLOCK, &set, &old) || pthread_sigmask(SIG_SETMASK, &old, NULL))
            die("pthread_sigmask");
    return (cpu_ns() - start) / TIMES;
}

static double holes(void)
{
    enum { PAGES = 4000, PAGE = 4096 };
    if (ftruncate(fd, (long)PAGES * PAGE))
        die("ftruncate");
    char *map = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        die("mmap");
    double start = now_ns();
    for (long i = 0; i < PAGES; i++) /* 37 and 4,000 have no divisor in common */
        *(volatile char *)(map + i * 37 % PAGES * PAGE) = 1;
    return (now_ns() - start) / PAGES;
}

/* Space for a GiB of the file: by writing it, or by a map that has its holes allocated. */
static double space(bool by_map)
{
    static char zeros[1 << 20];
    const size_t size = 1UL << 30;
    if (ftruncate(fd, 0) || ftruncate(fd, (off_t)size))
        die("ftruncate");
    double start = now_ns();
    if (by_map)
        map(size, MAP_SHARED, fd, 0);
    for (size_t at = 0; at < size && !by_map; at += sizeof zeros)
        if (write(fd, zeros, sizeof zeros) != sizeof zeros)
            die("write");
    return (now_ns() - start) / 1e6;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *file = argc > 2 ? argv[2] : NULL;
    double result;
    bool opens = strcmp(what, "start") && strcmp(what, "action") && strcmp(what, "mask") &&
                 strcmp(what, "brief");
    if (opens && file && (fd = open(file, O_RDWR)) < 0)
        die(file);
    if (!strcmp(what, "anonymous"))
        result = pairs(1 << 16, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, PAIRS);
    else if (!strcmp(what, "start") && file)
        result = starts(file);
    else if (!strcmp(what, "whole") && file)
        result = pairs(1 << 16, MAP_SHARED, fd, 0, PAIRS);
    else if ((!strcmp(what, "zeros") || !strcmp(what, "allocated")) && file)
        result = space(*what == 'a');
    else if (!strcmp(what, "chunk") && file)
        result = pairs(CHUNK, MAP_SHARED, fd, 5 * CHUNK, PAIRS);
    else if (!strcmp(what, "handle") && file)
        result = pairs_by_handle();
    else if (!strcmp(what, "brief") && file)
        result = brief(file);
    else if (!strcmp(what, "ascending") && file)
        result = ascending(0);
    else if (!strcmp(what, "both") && file)
        result = ascending(1);
    else if (!strcmp(what, "inside") && file)
        result = inside();
    else if (!strcmp(what, "fork") && file)
        result = forks();
    else if (!strcmp(what, "threads") && file)
        result = threads();
    else if (!strcmp(what, "holes") && file)
        result = holes();
    else if (!strcmp(what, "action") && file)
        result = actions(atoi(file));
    else if (!strcmp(what, "mask") && file)
        result = masks(!strcmp(file, "all"));
    else if (!strcmp(what, "memory") && argc > 3)
        result = memory(argv[3]);
    else
        return 2;
    printf("%.1f\n", result);
    return 0;
}
