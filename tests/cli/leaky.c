/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * leaky FOLDER: maps at three places and never unmaps, 300, 200 and 100 times, and at others unmaps in
 * every way there is; says "ready", and maps once more for each line of its standard input, behind a
 * file FOLDER/late.N that says so.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))
enum { PAGE = 4096, SHARED = MAP_SHARED, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS };

static char folder[3000];
static int file = -1;

static void *good(void *at)
{
    if (at != MAP_FAILED)
        return at;
    perror("leaky");
    exit(2);
}

/* ---- those that leak ---- */

APART void leak_file(int i)
{
    good(mmap(NULL, PAGE, PROT_READ, SHARED, file, (off_t)i * 2 * PAGE));
}

APART void leak_memory(void)
{
    good(mmap(NULL, 4 * PAGE, PROT_NONE, PRIVATE, -1, 0));
}

/* The middle goes: one mapping in two pieces. */
APART void leak_ends(void)
{
    char *at = good(mmap(NULL, 3 * PAGE, PROT_READ, PRIVATE, -1, 0));
    munmap(at + PAGE, PAGE);
}

APART void leak_late(void)
{
    good(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, PRIVATE, -1, 0));
}

/* ---- those that do not ---- */

APART void quiet_whole(void)
{
    munmap(good(mmap(NULL, 4 * PAGE, PROT_READ, PRIVATE, -1, 0)), 4 * PAGE);
}

APART void quiet_pieces(void)
{
    char *at = good(mmap(NULL, 4 * PAGE, PROT_READ, PRIVATE, -1, 0));
    for (int i = 3; i >= 0; i--)
        munmap(at + i * PAGE, PAGE);
}

APART void quiet_fixed(void)
{
    char *at = good(mmap(NULL, 4 * PAGE, PROT_READ, PRIVATE, -1, 0));
    good(mmap(at, 4 * PAGE, PROT_NONE, PRIVATE | MAP_FIXED, -1, 0));
    good(mmap(at + PAGE, PAGE, PROT_READ, SHARED | MAP_FIXED, file, 0));
    munmap(at, 4 * PAGE);
}

APART void quiet_moved(void)
{
    char *at = good(mmap(NULL, 2 * PAGE, PROT_READ, PRIVATE, -1, 0));
    at = good(mremap(at, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE));
    at = good(mremap(at, 64 * PAGE, PAGE, 0));
    munmap(at, PAGE);
}

APART void quiet_split(void)
{
    char *at = good(mmap(NULL, 5 * PAGE, PROT_READ, PRIVATE, -1, 0));
    mprotect(at + PAGE, PAGE, PROT_NONE);
    mprotect(at + 3 * PAGE, PAGE, PROT_NONE);
    munmap(at, 5 * PAGE);
}

static void work(void)
{
    for (int i = 0; i < 300; i++) {
        leak_file(i);
        if (i % 3 != 2)
            leak_memory();
        if (i % 3 == 0)
            leak_ends();
        quiet_whole();
        quiet_pieces();
        quiet_fixed();
        quiet_moved();
        quiet_split();
    }
}

int main(int argc, char **argv)
{
    char path[4000], line[16];
    if (argc != 2)
        return 2;
    snprintf(folder, sizeof folder, "%s", argv[1]);
    snprintf(path, sizeof path, "%s/segment.dvd", folder);
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, 600 * PAGE) != 0)
        return 2;
    work();
    unlink(path);
    puts("ready");
    fflush(stdout);
    for (int n = 1; fgets(line, sizeof line, stdin); n++) {
        leak_late();
        snprintf(path, sizeof path, "%s/late.%d", folder, n);
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    return 0;
}
