/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill_model FOLDER SEED STEPS: a map of a file, and what it should hold, step for step.
 *
 * The program stores, punches holes, zeroes, cuts the file off and makes it longer, allocates, and
 * syncs, while the disk fills and empties. After each step the map must hold what the model holds,
 * and at the end, when there is space, the file too. Prints the step that went wrong; at the end
 * "ok", and how many holes were punched while the disk was full.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "look.h"

#define PAGE 4096L
#define SIZE (64 * PAGE)

static unsigned char model[SIZE];
static volatile unsigned char *map;
static long size = SIZE;
static int file;
static char filler[512];
static bool full;
static unsigned step, punched;
static uint64_t random_state;

static long pick(long below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (long)((random_state >> 11) % (uint64_t)below);
}

/* Others take all that is free. */
static void take_space(void)
{
    static char some[1 << 16];
    int fd = open(filler, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0)
        die("%s: %s", filler, strerror(errno));
    memset(some, 1, sizeof some);
    /* Twice: what is written at last frees a little of what was reserved for it. */
    for (int times = 0; times < 2; times++) {
        for (size_t len = sizeof some; len >= 512; len /= 2)
            while (write(fd, some, len) == (ssize_t)len)
                continue;
        fsync(fd);
    }
    close(fd);
    full = true;
}

static void give_space(void)
{
    int fd = open(filler, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || syncfs(fd) < 0)
        die("%s: %s", filler, strerror(errno));
    close(fd);
    full = false;
}

static void store(void)
{
    for (int times = 0; times < 4; times++) {
        long at = pick(size);
        model[at] = (unsigned char)pick(256);
        map[at] = model[at];
    }
}

/* A call that failed may have made a part of it zeros: the kernel has then begun. */
static void zero(int mode)
{
    long at = pick(size), len = 1 + pick(pick(2) ? 300 : 5 * PAGE);
    if (pick(3) == 0) {
        at = at / PAGE * PAGE;
        len = (len + PAGE - 1) / PAGE * PAGE;
    }
    bool done = fallocate(file, mode | FALLOC_FL_KEEP_SIZE, at, len) == 0;
    punched += done && full && mode == FALLOC_FL_PUNCH_HOLE;
    for (long i = at; i < at + len && i < size; i++)
        if (done || map[i] == 0)
            model[i] = 0;
}

static void cut(bool by_name)
{
    char path[64];
    long to = 1 + pick(SIZE);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (ftruncate(file, to) < 0)
        return;
    memset(model + to, 0, (size_t)(SIZE - to));
    size = to;
    if ((by_name ? truncate(path, SIZE) : ftruncate(file, SIZE)) == 0)
        size = SIZE;
}

static void check(void)
{
    for (long i = 0; i < size; i++)
        if (map[i] != model[i])
            die("step %u: page %ld, byte %ld: %d instead of %d, the disk is %s", step, i / PAGE,
                i % PAGE, map[i], model[i], full ? "full" : "not full");
}

static void take_step(void)
{
    switch (pick(20)) {
    case 0:
    case 1: take_space(); break;
    case 2:
    case 3: give_space(); break;
    case 4:
    case 5: zero(FALLOC_FL_PUNCH_HOLE); break;
    case 6: zero(FALLOC_FL_ZERO_RANGE); break;
    case 7:
        cut(!full && pick(2));
        break; /* while pages are spilled, an open of the file waits for space */
    case 8:
    case 9:
    case 10: msync((void *)map, SIZE, MS_SYNC); break; /* it may say that there is no space */
    case 11: fallocate(file, FALLOC_FL_KEEP_SIZE, pick(size) / PAGE * PAGE, PAGE); break;
    default: store();
    }
}

int main(int argc, char **argv)
{
    static unsigned char held[SIZE];
    char path[512];
    if (argc != 4)
        die("usage: spill_model FOLDER SEED STEPS");
    random_state = strtoull(argv[2], NULL, 0) * 2654435761u + 1;
    snprintf(path, sizeof path, "%s/file", argv[1]);
    snprintf(filler, sizeof filler, "%s/others.model", argv[1]);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ftruncate(file, SIZE) < 0)
        die("%s: %s", path, strerror(errno));
    map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    for (; step < (unsigned)atoi(argv[3]); step++) {
        take_step();
        check();
    }
    give_space();
    if (msync((void *)map, SIZE, MS_SYNC) < 0)
        die("there is space, and msync says: %s", strerror(errno));
    check();
    if (pread(file, held, SIZE, 0) != size || memcmp(held, model, (size_t)size) != 0)
        die("the file holds something else than the map");
    printf("ok %u\n", punched);
    return 0;
}
