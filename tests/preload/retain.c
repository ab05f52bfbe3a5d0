/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * retain: at the limit of maps, calls that would need one map more.
 *
 *   retain FILE          expects of each call what mapherd promises; status 1 if one does not
 *   retain FILE alone    says what the kernel answers: words KEY=ERRNO
 *
 * The limit is reached by anonymous pages whose neighbours differ in protection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../raw.h"
#include "look.h"
#include "mapherd/mapherd.h"
#include "touch.h"

#define PAGE 4096UL
#define PAGES 64UL /* of a block */
#define MIDDLE 30UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define MOST (1L << 22)

static char **stuffing;
static long stuffed;
static long failures;

static void expect(bool good, const char *what)
{
    int why = errno;
    if (good)
        return;
    failures++;
    printf("NOT SO: %s (errno %d)\n", what, why);
}

/* Takes every map there is; the next one is refused. */
static void stuff(void)
{
    for (; stuffed < MOST; stuffed++) {
        int prot = stuffed % 2 ? PROT_READ : PROT_NONE;
        char *page = mmap(NULL, PAGE, prot, ANON, -1, 0);
        if (page == MAP_FAILED)
            return;
        stuffing[stuffed] = page;
    }
    die("%ld maps, and no limit", stuffed);
}

static void let_go(long keep)
{
    while (stuffed > keep)
        if (munmap(stuffing[--stuffed], PAGE))
            die("munmap: %s", strerror(errno));
}

/* Memory with maps of another kind on both sides, its pages written. */
static char *block(void)
{
    char *around = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, ANON, -1, 0);
    char *b = around + PAGE;
    if (around == MAP_FAILED || mmap(b, PAGES * PAGE, RW, ANON | MAP_FIXED, -1, 0) != b)
        die("no block: %s", strerror(errno));
    for (size_t i = 0; i < PAGES; i++)
        b[i * PAGE] = (char)(i + 1);
    return b;
}

/* What the kernel says, past the library. */
static bool is_mapped(char *page)
{
    unsigned char in_memory;
    return raw(SYS_mincore, page, PAGE, &in_memory) == 0;
}

static long mapped_of(char *b)
{
    long n = 0;
    for (size_t i = 0; i < PAGES; i++)
        n += is_mapped(b + i * PAGE);
    return n;
}

static bool intact(const char *b, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (b[i * PAGE] != (char)(i + 1))
            return false;
    return true;
}

static uint64_t retained_bytes(void)
{
    return mapherd_status ? mapherd_status()->held_bytes : 0;
}

static char *map_chunk(int fd, size_t n)
{
    return mmap(NULL, PAGE, RW, MAP_SHARED, fd, (off_t)(n * PAGE));
}

/* The beginning comes last: a program that maps nothing else is left alone. What lies behind the last
 * chunk lies where the kernel puts it, and stays; the file's window begins with the last chunk. */
static char *map_chunks(int fd)
{
    char *first = NULL;
    if (map_chunk(fd, PAGES) == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    for (size_t n = PAGES; n-- > 0;) {
        char *chunk = map_chunk(fd, n);
        if (chunk == MAP_FAILED)
            die("mmap: %s", strerror(errno));
        if (!first)
            first = chunk - n * PAGE;
        if (chunk != first + n * PAGE)
            die("the chunks of the file are not beside each other");
        *chunk = (char)(n + 1);
    }
    return first;
}

/* A chunk in the middle of a file's one map. */
static void unmap_chunk(int fd, char *chunks)
{
    char *hole = chunks + MIDDLE * PAGE, byte = 99;
    uint64_t before = retained_bytes();
    stuff();
    expect(munmap(hole, PAGE) == 0, "a chunk in the middle can be unmapped");
    expect(retained_bytes() == before + PAGE, "the status block counts the retained chunk");
    expect(pwrite(fd, &byte, 1, (off_t)(MIDDLE * PAGE)) == 1, "pwrite");
    expect(!touch_reads(hole) && !touch_stores(hole, 1), "it faults where it was");
    let_go(stuffed - 16); /* its place is given back first, and that is a split */
    char *again = map_chunk(fd, MIDDLE);
    expect(again != MAP_FAILED, "the chunk can be mapped again");
    if (again == MAP_FAILED)
        return;
    expect(again == hole, "it is mapped where it was");
    expect(retained_bytes() == before, "it is not retained any more");
    expect(*again == byte, "it shows the file");
    *again = (char)(MIDDLE + 1);
    expect(intact(chunks, 0, PAGES), "the other chunks are as they were");
    stuff();
    expect(munmap(hole, PAGE) == 0, "it can be unmapped again");
    for (size_t i = 0; i < PAGES; i++)
        if (i != MIDDLE)
            expect(munmap(chunks + i * PAGE, PAGE) == 0, "the other chunks can be unmapped");
    expect(mapped_of(chunks) == 0, "nothing is left of the file");
    expect(retained_bytes() == before, "nothing of the file is retained");
}

/* Pages in the middle of anonymous memory; then their neighbours. */
static void unmap_memory(char *b)
{
    char *hole = b + MIDDLE * PAGE;
    uint64_t before = retained_bytes();
    stuff();
    expect(munmap(hole, 2 * PAGE) == 0, "pages in the middle can be unmapped");
    expect(is_mapped(hole), "they are kept");
    expect(!touch_reads(hole) && !touch_stores(hole, 1), "but nothing can be reached there");
    expect(retained_bytes() == before + 2 * PAGE, "the status block counts the retained pages");
    expect(intact(b, 0, MIDDLE) && intact(b, MIDDLE + 2, PAGES), "the others are as they were");
    expect(munmap(b, MIDDLE * PAGE) == 0, "their lower neighbours can be unmapped");
    expect(!is_mapped(hole), "the retained pages went with them");
    expect(munmap(hole + 2 * PAGE, (PAGES - MIDDLE - 2) * PAGE) == 0, "and the upper ones");
    expect(mapped_of(b) == 0 && retained_bytes() == before, "nothing is left");
}

/* The place is free to the program. */
static void map_the_hole(char *b)
{
    char *hole = b + MIDDLE * PAGE;
    stuff();
    expect(munmap(hole, PAGE) == 0 && is_mapped(hole), "a page is retained");
    let_go(stuffed - 16);
    char *other = mmap(hole - PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    expect(other == MAP_FAILED && errno == EEXIST, "a page in use is not free");
    other = mmap(hole, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    expect(other == hole, "the hole is free");
    if (other == hole) {
        expect(*hole == 0, "it is zero");
        *hole = (char)(MIDDLE + 1);
    }
    expect(intact(b, 0, PAGES), "the others are as they were");
    stuff();
    expect(munmap(hole, PAGE) == 0, "the page can be unmapped again");
}

static void advise_and_guard(char *b)
{
    char *middle = b + MIDDLE * PAGE;
    uint64_t swallowed = mapherd_status ? mapherd_status()->swallowed : 0;
    stuff();
    expect(madvise(middle, PAGE, MADV_RANDOM) == 0, "a hint that needs a split is swallowed");
    expect(mapherd_status && mapherd_status()->swallowed == swallowed + 1, "and counted");
    expect(madvise(middle, PAGE, MADV_DONTFORK) != 0, "advice that matters is refused");
    expect(mprotect(middle, PAGE, PROT_NONE) && errno == ENOMEM, "so is protecting data");
    expect(intact(b, 0, PAGES), "the pages are as they were");
    expect(madvise(middle, PAGE, MADV_DONTNEED) == 0, "the page can be dropped");
    if (raw(SYS_madvise, NULL, 0, 102) == 0) { /* MADV_GUARD_INSTALL is known */
        expect(mprotect(middle, PAGE, PROT_NONE) == 0, "an empty page can be protected");
        expect(!touch_reads(middle), "it faults then");
        expect(mprotect(middle, PAGE, RW) == 0 && *middle == 0, "and can be had back");
    }
}

static void relief(char *b)
{
    char *hole = b + MIDDLE * PAGE;
    stuff();
    expect(munmap(hole, PAGE) == 0 && is_mapped(hole), "a page is retained");
    let_go(0);
    for (int i = 0; i < 1000 && is_mapped(hole); i++)
        munmap(mmap(NULL, PAGE, RW, ANON, -1, 0), PAGE);
    expect(!is_mapped(hole), "it is given back when there are maps again");
    expect(retained_bytes() == 0, "nothing is retained");
    expect(intact(b, 0, MIDDLE) && intact(b, MIDDLE + 1, PAGES), "the others are as they were");
}

static void alone(char *b)
{
    stuff();
    int munmapped = munmap(b + MIDDLE * PAGE, PAGE) ? errno : 0;
    int advised = madvise(b + MIDDLE * PAGE, PAGE, MADV_RANDOM) ? errno : 0;
    printf("munmap=%d madvise=%d\n", munmapped, advised);
}

int main(int argc, char **argv)
{
    stuffing = malloc(MOST * sizeof *stuffing);
    int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, PAGES * PAGE) || !stuffing)
        die("usage: retain FILE [alone]");
    touch_start();
    char *first = block(), *second = block(), *third = block(), *fourth = block();
    printf("library=%d\n", look(NULL).library);
    if (argc > 2) {
        alone(first);
        return 0;
    }
    char *chunks = map_chunks(fd);
    unmap_chunk(fd, chunks);
    unmap_memory(first);
    map_the_hole(second);
    advise_and_guard(third);
    relief(fourth);
    printf("failures=%ld stuffed=%ld\n", failures, stuffed);
    return failures != 0;
}
