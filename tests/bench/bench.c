/*
 * bench: one measurement, printed as one number. bench.sh runs each with the library and without.
 *
 * Pairs and ascending chunks are measured in processor time, the rest on the wall.
 *
 *     bench anonymous           ns of an mmap + munmap pair of anonymous memory
 *     bench whole FILE          ... of a file of 64 KiB, whole
 *     bench chunk FILE          ... of a chunk of 1 MiB of a larger file
 *     bench ascending FILE      ns of an mmap, 20,000 chunks of 1 MiB in ascending order
 *     bench both FILE           ... and of its munmap
 *     bench inside FILE         ns of a pair of a chunk between others, 10,000 of which are mapped
 *     bench fork FILE           us of fork + wait, 20,000 chunks mapped
 *     bench threads FILE        ns of a pair of a chunk, 64 threads at once
 *     bench memory FILE Rss|Pss KiB that this process takes after a chunk was mapped
 *     bench start LIBRARY|-     us of starting /bin/true with that LD_PRELOAD, and waiting
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (1L << 20)
#define CHUNKS 20000L
#define PAIRS 30000L
#define THREADS 64
#define PAIRS_A_THREAD 500L
#define FORKS 20
#define STARTS 100

static int fd;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static double clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Time of the processor, user and system: what other load is on the machine does not count. */
static double cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Where several processes or threads are at work: time on the wall. */
static double now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
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

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *file = argc > 2 ? argv[2] : NULL;
    double result;
    if (strcmp(what, "start") && file && (fd = open(file, O_RDWR)) < 0)
        die(file);
    if (!strcmp(what, "anonymous"))
        result = pairs(1 << 16, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, PAIRS);
    else if (!strcmp(what, "start") && file)
        result = starts(file);
    else if (!strcmp(what, "whole") && file)
        result = pairs(1 << 16, MAP_SHARED, fd, 0, PAIRS);
    else if (!strcmp(what, "chunk") && file)
        result = pairs(CHUNK, MAP_SHARED, fd, 5 * CHUNK, PAIRS);
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
    else if (!strcmp(what, "memory") && argc > 3)
        result = memory(argv[3]);
    else
        return 2;
    printf("%.1f\n", result);
    return 0;
}
