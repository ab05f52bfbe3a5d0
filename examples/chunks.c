/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * chunks: a program that knows nothing of mapherd and keeps a large file mapped in small pieces,
 * as embedded databases do.
 *
 *     chunks FILE [CHUNKS]
 *
 * It maps CHUNKS chunks of 1 MiB of a sparse file, one after another, writes into every hundredth,
 * reads those back through the file, and says how many memory maps it has. The kernel allows
 * 65,530 (vm.max_map_count).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK (1L << 20)
#define WRITE_EVERY 100

static int die(const char *what, long chunk)
{
    fprintf(stderr, "chunks: %s of chunk %ld: %s\n", what, chunk, strerror(errno));
    return 1;
}

static long count_maps(void)
{
    FILE *list = fopen("/proc/self/maps", "r");
    long lines = 0;
    for (int c; list && (c = getc(list)) != EOF;)
        lines += c == '\n';
    if (list)
        fclose(list);
    return lines;
}

int main(int argc, char **argv)
{
    long chunks = argc > 2 ? atol(argv[2]) : 70000;
    int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
    if (fd < 0 || chunks < 1 || ftruncate(fd, chunks * CHUNK) < 0) {
        fprintf(stderr, "usage: chunks FILE [CHUNKS]: a file that can be made %ld MiB long\n",
                chunks);
        return 2;
    }
    for (long i = 0; i < chunks; i++) {
        char *p = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, i * CHUNK);
        if (p == MAP_FAILED)
            return die("mmap", i);
        if (i % WRITE_EVERY == 0)
            memcpy(p, &i, sizeof i);
    }
    for (long i = 0; i < chunks; i += WRITE_EVERY) {
        long found = -1;
        if (pread(fd, &found, sizeof found, i * CHUNK) != sizeof found || found != i)
            return die("reading back", i);
    }
    printf("%ld chunks mapped, written and read back; maps: %ld\n", chunks, count_maps());
    return 0;
}
