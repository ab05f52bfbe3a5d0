/*
 * sync: a store of many buffers that are synced one by one. bench and tests run it with the
 * library and without.
 *
 *     sync store FILE BUFFERS up|down DEVICE   maps FILE in buffers of 1 MiB, stores to a page of
 *                each, msyncs each in that order; prints milliseconds, and the flushes of the block
 *                device meanwhile (of /sys/block/DEVICE/stat; - for none)
 *     sync check FILE BUFFERS                  0 if what store stored is in the file
 *     sync single FILE BUFFERS CALLS           stores to a page at random and msyncs its buffer,
 *                CALLS times; prints microseconds each
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (1L << 20)
#define PAGE 4096

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Documentation/block/stat.rst: the sixteenth number. */
static long flushes(const char *device)
{
    char path[200];
    long n = 0;
    if (!strcmp(device, "-"))
        return 0;
    snprintf(path, sizeof path, "/sys/block/%s/stat", device);
    FILE *f = fopen(path, "r");
    for (int i = 0; f && i < 16; i++)
        if (fscanf(f, "%ld", &n) != 1)
            n = -1;
    if (!f || n < 0)
        die(path);
    fclose(f);
    return n;
}

/* Where in buffer n the stores go: not always the same page. */
static long place(long n)
{
    return n * 37 % (BUFFER / PAGE) * PAGE;
}

static uint64_t value(long n)
{
    return 0x6d6170686572640aU + (uint64_t)n * 2654435761U;
}

static char **map_all(const char *file, long buffers)
{
    char **at = calloc((size_t)buffers, sizeof *at);
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || !at || ftruncate(fd, buffers * BUFFER) < 0)
        die(file);
    for (long n = 0; n < buffers; n++) {
        at[n] = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * BUFFER);
        if (at[n] == MAP_FAILED)
            die("mmap");
    }
    return at;
}

static void sync_one(char *buffer)
{
    if (msync(buffer, BUFFER, MS_SYNC) < 0)
        die("msync");
}

static int store(const char *file, long buffers, const char *order, const char *device)
{
    char **at = map_all(file, buffers);
    for (long n = 0; n < buffers; n++)
        *(uint64_t *)(at[n] + place(n)) = value(n);
    long before = flushes(device);
    double start = now_us();
    for (long n = 0; n < buffers; n++)
        sync_one(at[strcmp(order, "up") ? buffers - 1 - n : n]);
    printf("%.1f %ld\n", (now_us() - start) / 1000, flushes(device) - before);
    return 0;
}

static int check(const char *file, long buffers)
{
    int fd = open(file, O_RDONLY);
    if (fd < 0)
        die(file);
    for (long n = 0; n < buffers; n++) {
        uint64_t found = 0;
        if (pread(fd, &found, sizeof found, n * BUFFER + place(n)) != sizeof found ||
            found != value(n)) {
            fprintf(stderr, "buffer %ld holds %llx\n", n, (unsigned long long)found);
            return 1;
        }
    }
    return 0;
}

static int single(const char *file, long buffers, long calls)
{
    char **at = map_all(file, buffers);
    double start = now_us();
    for (long i = 0; i < calls; i++) {
        long n = (i * 7919 + 11) % buffers;
        *(uint64_t *)(at[n] + place(n)) = (uint64_t)i + 1;
        sync_one(at[n]);
    }
    printf("%.2f\n", (now_us() - start) / (double)calls);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && !strcmp(argv[1], "store"))
        return store(argv[2], atol(argv[3]), argv[4], argv[5]);
    if (argc == 4 && !strcmp(argv[1], "check"))
        return check(argv[2], atol(argv[3]));
    if (argc == 5 && !strcmp(argv[1], "single"))
        return single(argv[2], atol(argv[3]), atol(argv[4]));
    return 2;
}
