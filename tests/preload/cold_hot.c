/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * Which mappings become cold:
 *
 *     cold_hot FOLDER FILES HOT VISITS
 *
 * Of FILES mappings, HOT are visited all the time: four visits of five, at random. Prints how many of
 * the visits to them, and to the others, found the mapping cold.
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

#include "mapherd/mapherd.h"
#include "tests/preload/look.h"

extern const struct mapherd_status *mapherd_status(void) __attribute__((weak));

#define LEN 8192

static volatile char **at;
static uint64_t state = 1;

/* A visit to one of count mappings, from first on. Returns how many were made warm for it. */
static unsigned long visit(unsigned long first, unsigned long count)
{
    uint64_t before = mapherd_status()->warmed;
    state = state * 6364136223846793005U + 1442695040888963407U;
    at[first + (state >> 33) % count][1]++;
    return mapherd_status()->warmed - before;
}

int main(int argc, char **argv)
{
    unsigned long hot_faults = 0, other_faults = 0;
    if (argc != 5 || !mapherd_status)
        return 2;
    unsigned long files = strtoul(argv[2], NULL, 10), hot = strtoul(argv[3], NULL, 10);
    unsigned long visits = strtoul(argv[4], NULL, 10);
    at = calloc(files, sizeof *at);
    for (unsigned long n = 0; n < files; n++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%lu", argv[1], n);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || ftruncate(fd, LEN) < 0)
            die("%s: %s", name, strerror(errno));
        at[n] = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at[n] == MAP_FAILED)
            die("mmap: %s", strerror(errno));
        close(fd);
    }
    for (unsigned long n = 0; n < visits; n++) {
        for (int i = 0; i < 4; i++)
            hot_faults += visit(0, hot);
        other_faults += visit(hot, files - hot);
    }
    printf("hot=%lu others=%lu\n", hot_faults, other_faults);
    return 0;
}
