/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sync_calls: what msync is besides syncing: its errors, a cancellation point, and nothing to maps'
 * advice. Prints the same with the library and without, and what was skipped last.
 *
 *     sync_calls FILE
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tick.h"
#include "mapherd/mapherd.h"

#define BUFFER 65536L
#define BUFFERS 64L
#define PAGE 4096L

static char *at[BUFFERS];

static void tell(const char *what, int result)
{
    printf("%s: %d %s\n", what, result, result < 0 ? strerror(errno) : "");
}

static void run(void)
{
    for (long n = 1; n < BUFFERS - 1; n++)
        if (msync(at[n], BUFFER, MS_SYNC) < 0)
            perror("msync");
}

/* Cancelled before it calls: a cancellation point ends it, also where there is nothing to sync. */
static void *cancelled(void *unused)
{
    pthread_cancel(pthread_self());
    msync(at[40], BUFFER, MS_SYNC);
    return unused;
}

/* The flags of the map at addr, as the kernel shows them. */
static void tell_flags(const char *what, const char *addr)
{
    char line[512], flags[512] = "";
    FILE *f = fopen("/proc/self/smaps", "r");
    int here = 0;
    while (f && fgets(line, sizeof line, f)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            here = (uintptr_t)addr >= start && (uintptr_t)addr < end;
        else if (here && !strncmp(line, "VmFlags:", 8))
            strcpy(flags, line);
    }
    if (f)
        fclose(f);
    printf("%s:%s%s\n", what, strstr(flags, " sr") ? " sequential" : "",
           strstr(flags, " rr") ? " random" : "");
}

int main(int argc, char **argv)
{
    pthread_t thread;
    void *end;
    int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
    if (fd < 0 || ftruncate(fd, BUFFER * BUFFERS) < 0)
        return 2;
    for (long n = 0; n < BUFFERS; n++)
        if ((at[n] = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * BUFFER)) ==
            MAP_FAILED)
            return 2;
    madvise(at[10], BUFFER, MADV_RANDOM);
    madvise(at[12], BUFFER, MADV_SEQUENTIAL);
    for (int rounds = 0; rounds < 3; rounds++) {
        run();
        *at[20] = (char)rounds;
    }
    next_tick();
    run();
    run();
    tell_flags("advice of 9", at[9]);
    tell_flags("advice of 10", at[10]);
    tell_flags("advice of 12", at[12]);
    tell("unaligned", msync(at[5] + 1, BUFFER, MS_SYNC));
    tell("both", msync(at[5], BUFFER, MS_SYNC | MS_ASYNC));
    tell("unknown flag", msync(at[5], BUFFER, MS_SYNC | 64));
    tell("async", msync(at[5], BUFFER, MS_ASYNC));
    tell("invalidate", msync(at[5], BUFFER, MS_SYNC | MS_INVALIDATE));
    tell("nothing", msync(at[5], 0, MS_SYNC));
    munmap(at[30], BUFFER);
    tell("a hole", msync(at[30], BUFFER, MS_SYNC));
    mlock(at[31], PAGE);
    tell("invalidate what is locked", msync(at[31], PAGE, MS_SYNC | MS_INVALIDATE));
    tell("too long", msync(at[5], (size_t)1 << 63, MS_SYNC));
    if (pthread_create(&thread, NULL, cancelled, NULL) || pthread_join(thread, &end))
        return 2;
    printf("cancelled: %d\n", end == PTHREAD_CANCELED);
    run();
    tell("afterwards", munmap(at[41], BUFFER));
    const struct mapherd_status *s = mapherd_status ? mapherd_status() : NULL;
    fprintf(stderr, "%lu\n", s ? s->syncs_skipped : 0);
    return 0;
}
