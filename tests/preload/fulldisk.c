/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fulldisk: a program that grows a file, maps it and stores, on a disk without space for it. It
 * knows nothing of mapherd.
 *
 *     fulldisk map FILE MIB FILLER    makes FILE, fills the disk with FILLER, maps and stores
 *     fulldisk grow FILE MIB FILLER   maps a page of FILE, fills, grows FILE under the map, maps all
 *                                     and stores
 *     fulldisk early FILE MIB FILLER  maps FILE, fills, stores
 *     fulldisk timer FILE MIB FILLER  map, with a timer that interrupts every millisecond
 *
 * FILLER - fills nothing. Prints what failed, or "stored". Status 0: stored; 3: a call failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "look.h"

#define PAGE 4096L

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
    (void)number;
    ticks++;
}

static int failed(const char *call)
{
    printf("%s: %s (%d)\n", call, strerror(errno), errno);
    return 3;
}

/* Until nothing more goes in, to the last byte that an ordinary file can have. */
static void fill_disk(const char *path)
{
    static char zeros[1 << 16];
    if (!strcmp(path, "-"))
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    for (int round = 0; round < 3; round++) {
        for (size_t piece = sizeof zeros; piece; piece /= 2)
            while (write(fd, zeros, piece) > 0)
                continue;
        fsync(fd); /* delayed allocation guesses high */
    }
    close(fd);
}

static void *map(int fd, off_t size)
{
    return mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int store(char *at, off_t size)
{
    for (off_t page = 0; page < size; page += PAGE)
        at[page + 8] = 'x';
    if (msync(at, (size_t)size, MS_SYNC))
        return failed("msync");
    puts("stored");
    return 0;
}

static int grow(int fd, off_t size, const char *filler)
{
    if (ftruncate(fd, PAGE))
        return failed("ftruncate");
    char *first = map(fd, PAGE);
    if (first == MAP_FAILED)
        return failed("mmap");
    *first = 'x';
    fill_disk(filler);
    if (ftruncate(fd, size)) {
        struct stat st;
        int status = failed("ftruncate");
        if (fstat(fd, &st) || st.st_size != PAGE)
            die("the file that could not grow has %ld bytes", (long)st.st_size);
        return status;
    }
    char *at = map(fd, size);
    return at == MAP_FAILED ? failed("mmap") : store(at, size);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    off_t size = atol(argv[3]) << 20;
    int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        die("%s: %s", argv[2], strerror(errno));
    if (!strcmp(argv[1], "grow"))
        return grow(fd, size, argv[4]);
    if (ftruncate(fd, size))
        return failed("ftruncate");
    off_t position = lseek(fd, 4711, SEEK_SET);
    bool early = !strcmp(argv[1], "early");
    if (!early)
        fill_disk(argv[4]);
    if (!strcmp(argv[1], "timer")) {
        struct sigaction act = { .sa_handler = on_tick };
        struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
        if (sigaction(SIGALRM, &act, NULL) || setitimer(ITIMER_REAL, &every, NULL))
            die("no timer: %s", strerror(errno));
    }
    char *at = map(fd, size);
    if (at == MAP_FAILED)
        return failed("mmap");
    if (lseek(fd, 0, SEEK_CUR) != position)
        die("the file's position has moved");
    if (early)
        fill_disk(argv[4]);
    return store(at, size);
}
