/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spilled: a copy into the spill file that fails half way leaves nothing there, because the program
 * goes on with the file's pages, and the copies would be old when the pages are spilled at last. A
 * place that cannot be shown keeps the others from stores that would be lost.
 *
 * The kernel is the real one, and the files are in the current folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "common/pages.h"
#include "disk/spilled.h"
#include "disk/spillfile.h"
#include "tell/options.h"

#define PAGES 200UL
#define KEPT 3UL   /* this page was spilled before, and stored to since */
#define STORED 7UL /* this one was shown, and stored to, before another place could not be */
#define THERE 50UL /* the file has so many pages while the copy fails */

static struct overlay c = { .kind = OVERLAY_SPILL };
static int spill_fd;
static spill_sum sums[PAGES];
static struct spilled_news news;

static void fill(int fd, char byte)
{
    char page[page_size];
    memset(page, byte, sizeof page);
    for (size_t n = 0; n < PAGES; n++)
        CHECK(pwrite(fd, page, sizeof page, (off_t)(n * page_size)) == (ssize_t)page_size);
}

static char spilled_byte(size_t page)
{
    char byte = 0;
    CHECK(pread(spill_fd, &byte, 1, (off_t)(c.data_at + page * page_size)) == 1);
    return byte;
}

static size_t pages_with_sums(void)
{
    size_t count = 0;
    CHECK(spillfile_get_sums(spill_fd, c.sums_at, 0, sums, PAGES) == 0);
    for (size_t n = 0; n < PAGES; n++)
        count += sums[n] != 0;
    return count;
}

static int make_overlay(void)
{
    char name[] = "spilled.XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0);
    fill(file, 'a');
    void *alias = mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(alias != MAP_FAILED);
    c.alias = (uintptr_t)alias;
    c.len = PAGES * page_size;
    long own = spillfile_own(page_size, "spilled");
    CHECK(own >= 0);
    c.file = (unsigned)own;
    spill_fd = (int)spillfile_open(c.file);
    CHECK(spill_fd >= 0);
    const struct spill_range range = { 1, 2, 0, c.len, ENOSPC, 1 };
    CHECK(spillfile_add(c.file, spill_fd, &range, "x", &c.data_at, &c.sums_at) == 0);
    CHECK(spillfile_reserve(spill_fd, c.data_at, c.sums_at, 0, c.len) == 0);
    return file;
}

static long copy(size_t from, size_t to)
{
    return spilled_copy_in(&c, spill_fd, from * page_size, to * page_size, &news);
}

/* Where the sums cannot be written, the copies stay whole: a page of zeros with the sum of another
 * one would be written to the file. */
static void take_back_without_writing(void)
{
    const size_t before = pages_with_sums();
    struct rlimit old, low;
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    low = (struct rlimit){ page_size, old.rlim_max };
    CHECK(setrlimit(RLIMIT_FSIZE, &low) == 0);
    CHECK(spilled_take_back(&c, spill_fd, &news) == (before - 1) * page_size); /* all but KEPT */
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(pages_with_sums() == before && spilled_byte(0) == 'a');
}

static void show_what_cannot_be_stored_to_first(void)
{
    const int rw = PROT_READ | PROT_WRITE;
    char *at = mmap(NULL, page_size, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    const uintptr_t start = (uintptr_t)at, nowhere = 1; /* not the start of a page */
    const struct place places[] = { { start, start + page_size, 0, rw },
                                    { nowhere, nowhere + page_size, 0, PROT_READ } };
    CHECK(spilled_show(places, 2, &c, spill_fd) == -EINVAL && *at == 0);
    CHECK(spilled_show(places, 1, &c, spill_fd) == 0 && *at == spilled_byte(0));
    munmap(at, page_size);
}

int main(void)
{
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    options.spill_dir.at = ".";
    options.spill_dir.len = 1;
    options.spill_max = (struct option_text){ "1G", 2 };
    int file = make_overlay();

    CHECK(copy(KEPT, KEPT + 1) == (long)page_size);
    CHECK(pwrite(spill_fd, "s", 1, (off_t)(c.data_at + KEPT * page_size)) == 1);

    CHECK(ftruncate(file, (off_t)(THERE * page_size)) == 0);
    CHECK(copy(0, PAGES) == -EFAULT);
    CHECK(pages_with_sums() > 1); /* the first pieces were copied */
    take_back_without_writing();
    CHECK(pwrite(spill_fd, "s", 1, (off_t)(c.data_at + STORED * page_size)) == 1);
    CHECK(spilled_take_back(&c, spill_fd, &news) == page_size);
    CHECK(pages_with_sums() == 2 && sums[KEPT] && sums[STORED]);
    spilled_give_up(&c, spill_fd, 0, PAGES * page_size);
    CHECK(spilled_byte(KEPT) == 's' && spilled_byte(STORED) == 's');

    fill(file, 'b');
    CHECK(copy(0, PAGES) == (long)((PAGES - 2) * page_size));
    CHECK(news.count == 3 && news.at[1].low == (KEPT + 1) * page_size);
    for (size_t n = 0; n < PAGES; n++)
        CHECK(spilled_byte(n) == (n == KEPT || n == STORED ? 's' : 'b'));

    /* What is there and was not stored to may be old. */
    fill(file, 'c');
    CHECK(copy(0, PAGES) == 0 && news.count == 0);
    for (size_t n = 0; n < PAGES; n++)
        CHECK(spilled_byte(n) == (n == KEPT || n == STORED ? 's' : 'c'));

    show_what_cannot_be_stored_to_first();
    spillfile_remove(c.file);
    return 0;
}
