/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill_scenes: what two processes, mremap, signal handlers and other threads do to spilled pages.
 *
 *   spill_scenes SCENE FOLDER    the disk of FOLDER is full; give_space() is to remove FOLDER/others.*
 *
 * Says ok and ends with 0, or says what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../raw.h"
#include "look.h"

#define PAGE 4096UL
#define PAGES 64UL
#define RW (PROT_READ | PROT_WRITE)

static const char *folder;
static int file;

static char *map_file(size_t pages)
{
    char *at = mmap(NULL, pages * PAGE, RW, MAP_SHARED, file, 0);
    if (at == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return at;
}

static void set_size(size_t bytes)
{
    if (ftruncate(file, (off_t)bytes) < 0)
        die("ftruncate: %s", strerror(errno));
}

static void give_space(void)
{
    char command[512];
    snprintf(command, sizeof command, "unset LD_PRELOAD; rm -f '%s'/others.*; sync -f '%s'", folder,
             folder);
    if (system(command) != 0)
        die("no space could be made");
}

static void store(char *at, size_t from, size_t to, size_t where)
{
    for (size_t i = from; i < to; i++)
        ((volatile char *)at)[i * PAGE + where] = (char)(i + 1);
}

static void expect(const char *at, size_t from, size_t to, size_t where, const char *what)
{
    for (size_t i = from; i < to; i++)
        if (((const volatile char *)at)[i * PAGE + where] != (char)(i + 1))
            die("%s: page %zu is wrong", what, i);
}

static void expect_in_file(size_t from, size_t to, size_t where)
{
    for (size_t i = from; i < to; i++) {
        char byte = 0;
        if (pread(file, &byte, 1, (off_t)(i * PAGE + where)) != 1 || byte != (char)(i + 1))
            die("in the file page %zu is wrong at %zu", i, where);
    }
}

static void sync_all(char *at, size_t pages)
{
    if (msync(at, pages * PAGE, MS_SYNC) < 0)
        die("msync: %s", strerror(errno));
}

static void wait_for(pid_t child)
{
    int how;
    if (waitpid(child, &how, 0) != child || how != 0)
        die("the child ended with 0x%x", how);
}

/* The child writes all back and ends; the parent has it still, and its stores are kept. */
static void child_returns(void)
{
    char *at = map_file(PAGES);
    store(at, 0, PAGES, 0);
    pid_t child = fork();
    if (!child) {
        munmap(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
               PAGE); /* ends with what is due */
        give_space();
        sync_all(at, PAGES);
        _exit(0);
    }
    wait_for(child);
    expect(at, 0, PAGES, 0, "the parent's");
    store(at, 0, PAGES, 8);
    sync_all(at, PAGES);
    expect_in_file(0, PAGES, 0);
    expect_in_file(0, PAGES, 8);
}

static void parent_returns(void)
{
    char *at = map_file(PAGES), byte = 0;
    int pipes[2];
    store(at, 0, PAGES, 0);
    if (pipe(pipes) < 0)
        die("pipe");
    pid_t child = fork();
    if (!child) {
        if (read(pipes[0], &byte, 1) != 1)
            _exit(1);
        expect(at, 0, PAGES, 0, "the child's");
        store(at, 0, PAGES, 8);
        sync_all(at, PAGES);
        _exit(0);
    }
    give_space();
    sync_all(at, PAGES);
    if (write(pipes[1], &byte, 1) != 1)
        die("write");
    wait_for(child);
    expect_in_file(0, PAGES, 0);
    expect_in_file(0, PAGES, 8);
}

/* All of it is one run of the spill file: what mremap adds must be the file's, or not be. */
static void grows(void)
{
    char *at = map_file(PAGES);
    store(at, 0, PAGES, 0);
    set_size(2 * PAGES * PAGE);
    char *whole = map_file(2 * PAGES);
    expect(whole, 0, PAGES, 0, "mapped again");
    if (mremap(at, 0, PAGES * PAGE, MREMAP_MAYMOVE) != MAP_FAILED)
        die("spilled pages were doubled");
    if (mremap(at, PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE) != MAP_FAILED)
        die("spilled pages grew");
    give_space();
    sync_all(at, PAGES);
    at = mremap(at, PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE);
    if (at == MAP_FAILED)
        die("mremap: %s", strerror(errno));
    store(at, PAGES, 2 * PAGES, 0);
    sync_all(at, 2 * PAGES);
    expect_in_file(0, 2 * PAGES, 0);
}

/* A map that grows over what another has spilled shows that. */
static void grows_over(void)
{
    char *small = map_file(8), *at = map_file(PAGES);
    store(at, PAGES / 2, PAGES, 0);
    small = mremap(small, 8 * PAGE, PAGES * PAGE, MREMAP_MAYMOVE);
    if (small == MAP_FAILED)
        die("mremap: %s", strerror(errno));
    expect(small, PAGES / 2, PAGES, 0, "grown");
}

static char *handlers;
static _Atomic unsigned calls;

static void count_there(int sig)
{
    (void)sig;
    ++*(volatile unsigned *)handlers;
    atomic_fetch_add(&calls, 1);
}

/* A handler that stores to the pages, whatever it interrupts; its count is complete. */
static void handler_stores(void)
{
    const struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { { 0, 0 }, { 0, 0 } };
    set_size(8 * PAGES * PAGE);
    char *at = map_file(8 * PAGES);
    handlers = at + 5 * PAGE + 64;
    signal(SIGPROF, count_there);
    setitimer(ITIMER_PROF, &often, NULL);
    for (unsigned round = 0; round < 100 || calls < 200; round++) {
        store(at, 0, 8 * PAGES, 0);
        msync(at, 8 * PAGES * PAGE, MS_SYNC);
    }
    give_space();
    msync(at, 8 * PAGES * PAGE, MS_SYNC);
    setitimer(ITIMER_PROF, &never, NULL);
    sync_all(at, 8 * PAGES);
    if (*(unsigned *)handlers != calls)
        die("the handler counted %u and not %u", *(unsigned *)handlers, calls);
    expect_in_file(0, 8 * PAGES, 0);
}

static char *second;
static atomic_bool done;

static void *protect(void *turns)
{
    while (!atomic_load(&done)) {
        if (mprotect(second, PAGES * PAGE, PROT_READ) < 0 || mprotect(second, PAGES * PAGE, RW) < 0)
            die("mprotect: %s", strerror(errno));
        for (size_t i = 0; i < PAGES; i++)
            ++((volatile char *)second)[i * PAGE + 100];
        ++*(unsigned *)turns;
    }
    return NULL;
}

/* Another map of the file is made read-only and writable again all the while. */
static void protects(void)
{
    pthread_t thread;
    unsigned turns = 0;
    char *at = map_file(PAGES);
    second = map_file(PAGES);
    pthread_create(&thread, NULL, protect, &turns);
    for (unsigned round = 0; round < 2000; round++) {
        store(at, 0, PAGES, 0);
        msync(at, PAGES * PAGE, MS_SYNC);
        if (round == 1000)
            give_space();
    }
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    sync_all(at, PAGES);
    expect_in_file(0, PAGES, 0);
    for (size_t i = 0; i < PAGES; i++)
        if (at[i * PAGE + 100] != (char)turns)
            die("page %zu lacks stores", i);
}

/* Zeros over a private map go back in two parts; maps that were made in between stay. */
static void zeros_return(void)
{
    enum { OTHERS = 64 };
    volatile char *others[OTHERS];
    set_size(1);
    char *at = mmap(NULL, 20 * PAGE, RW, MAP_PRIVATE, file, 0);
    if (at == MAP_FAILED || ((volatile char *)at)[5 * PAGE] != 0)
        die("no zeros");
    set_size(12 * PAGE);
    for (unsigned i = 0; i < OTHERS; i++) {
        others[i] = mmap(NULL, PAGE, i % 2 ? RW : PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        others[i][0] = 1;
    }
    set_size(20 * PAGE);
    for (unsigned i = 0; i < OTHERS; i++)
        others[i][0]++;
}

/* What a program does after ENOSPC: lets go of the map, and writes the file anew when there is space.
 * Its old stores must not come back over that. */
static void rewritten(void)
{
    char *at = map_file(PAGES), page[PAGE];
    store(at, 0, PAGES, 0);
    if (msync(at, PAGES * PAGE, MS_SYNC) == 0 || errno != ENOSPC)
        die("msync does not say ENOSPC");
    if (munmap(at, PAGES * PAGE) < 0)
        die("munmap: %s", strerror(errno));
    give_space();
    char path[512], spill_files[512];
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(spill_files, sizeof spill_files, "%s/mapherd-spill.*", getenv("MAPHERD_SPILL_DIR"));
    int again = open(path, O_WRONLY | O_TRUNC);
    memset(page, 'n', sizeof page);
    for (size_t i = 0; i < PAGES; i++)
        if (write(again, page, sizeof page) != sizeof page)
            die("write: %s", strerror(errno));
    glob_t left;
    for (int tries = 0; glob(spill_files, 0, NULL, &left) == 0; tries++) {
        globfree(&left);
        if (tries == 6000)
            die("the pages stay spilled though there is space");
        usleep(10000); /* until the library tries again, at the next call */
        munmap(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
    }
    for (size_t i = 0; i < PAGES; i++)
        if (pread(file, page, 1, (off_t)(i * PAGE)) != 1 || page[0] != 'n')
            die("page %zu of the new file is an old one", i);
}

/* A file that grows, mapped anew each time: what was spilled by way of each map shows in the last one. */
static void regrown(void)
{
    enum { TIMES = 4 };
    for (size_t n = 1; n <= TIMES; n++) {
        set_size(n * PAGES * PAGE);
        char *at = map_file(n * PAGES);
        expect(at, 0, (n - 1) * PAGES, 0, "mapped anew");
        store(at, (n - 1) * PAGES, n * PAGES, 0);
        if (n < TIMES && munmap(at, n * PAGES * PAGE) < 0)
            die("munmap: %s", strerror(errno));
        if (n == TIMES) {
            give_space();
            sync_all(at, TIMES * PAGES);
        }
    }
    expect_in_file(0, TIMES * PAGES, 0);
}

/* The end of a part is spilled by way of a map of its own, all the rest by way of a longer map, from
 * just above the part's beginning on. */
static void overlap(void)
{
    enum { MANY = 4096, FROM = 1028, MIDDLE = 1328, TO = 1400 };
    set_size(MANY * PAGE);
    char *part = mmap(NULL, (TO - FROM) * PAGE, RW, MAP_SHARED, file, FROM * (off_t)PAGE);
    if (part == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    for (size_t i = MIDDLE; i < TO; i++)
        ((volatile char *)part)[(i - FROM) * PAGE] = (char)(i + 1);
    char *all = map_file(MANY);
    expect(all, MIDDLE, TO, 0, "a later map of the part");
    store(all, FROM + 2, FROM + 3, 0);
    store(all, 0, MANY, 0);
    store(all, 0, MANY, 8);
    expect(all, 0, MANY, 0, "the whole");
    for (size_t i = FROM; i < TO; i++)
        if (((volatile char *)part)[(i - FROM) * PAGE + 8] != (char)(i + 1))
            die("the part does not show what was stored to the whole: page %zu", i);
    give_space();
    sync_all(part, TO - FROM);
    sync_all(all, MANY);
    expect_in_file(0, MANY, 0);
    expect_in_file(0, MANY, 8);
}

/* Runs after the fork and the child's msync: what each of the two stores, the other one sees. */
static void family(void)
{
    int pipes[2], back[2];
    char *at = map_file(PAGES), byte = 0;
    store(at, 0, PAGES, 0);
    if (pipe(pipes) < 0 || pipe(back) < 0)
        die("pipe");
    pid_t child = fork();
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        give_space();
        sync_all(at, PAGES);
        store(at, 0, PAGES, 16);
        if (write(back[1], &byte, 1) != 1 || read(pipes[0], &byte, 1) != 1)
            _exit(1);
        expect(at, 0, PAGES, 8, "what the parent stored, for the child");
        sync_all(at, PAGES);
        _exit(0);
    }
    if (read(back[0], &byte, 1) != 1)
        die("read");
    expect(at, 0, PAGES, 16, "what the child stored, for the parent");
    store(at, 0, PAGES, 8);
    if (write(pipes[1], &byte, 1) != 1)
        die("write");
    wait_for(child);
    sync_all(at, PAGES);
    for (size_t where = 0; where <= 16; where += 8)
        expect_in_file(0, PAGES, where);
}

/* Many maps of one file: all of them show what was stored by way of one. */
static void many_maps(void)
{
    enum { MAPS = 200 };
    static char *maps[MAPS];
    for (size_t n = 0; n < MAPS; n++)
        maps[n] = map_file(PAGES);
    store(maps[7], 0, PAGES, 0);
    for (size_t n = 0; n < MAPS; n++)
        expect(maps[n], 0, PAGES, 0, "another map");
    give_space();
    sync_all(maps[100], PAGES);
    for (size_t n = 0; n < MAPS; n++)
        expect(maps[n], 0, PAGES, 0, "another map, with space");
    expect_in_file(0, PAGES, 0);
}

/* A map that no hook has seen shows what was stored by way of another. */
static void unseen_map(void)
{
    char *at = map_file(PAGES);
    char *other = (char *)raw(SYS_mmap, NULL, PAGES * PAGE, RW, MAP_SHARED, file, 0);
    if (other == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    store(at, 0, PAGES, 0);
    expect(other, 0, PAGES, 0, "a map that no hook has seen");
    store(other, 0, PAGES, 8);
    expect(at, 0, PAGES, 8, "the first");
    give_space();
    sync_all(at, PAGES);
    expect(other, 0, PAGES, 0, "a map that no hook has seen, with space");
    store(other, 0, PAGES, 16);
    expect(at, 0, PAGES, 16, "the first, with space");
    for (size_t where = 0; where <= 16; where += 8)
        expect_in_file(0, PAGES, where);
}

static bool can_write(const char *at)
{
    char line[512];
    unsigned long start, end;
    char prot[8];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %7s", &start, &end, prot) == 3 && start <= (unsigned long)at &&
            (unsigned long)at < end)
            found = prot[1] == 'w';
    if (maps)
        fclose(maps);
    return found;
}

/* A protection that no hook has seen stays when the pages go back. */
static void unseen_protection(void)
{
    char *at = map_file(PAGES);
    store(at, 0, PAGES, 0);
    if (raw(SYS_mprotect, at + 4 * PAGE, 4 * PAGE, PROT_READ) < 0)
        die("mprotect: %s", strerror(errno));
    give_space();
    sync_all(at, PAGES);
    for (size_t n = 0; n < PAGES; n++)
        if (can_write(at + n * PAGE) != (n < 4 || n >= 8))
            die("page %zu has another protection", n);
    expect_in_file(0, PAGES, 0);
    store(at, 8, PAGES, 8);
    expect_in_file(8, PAGES, 8);
}

/* Two maps, each in many pieces: they go back together, whatever is stored meanwhile. */
static char *one, *other;
enum { APART = 128, MANY_PAGES = APART * 32 };

static void *add_to_one(void *turns)
{
    while (!atomic_load(&done)) {
        for (size_t n = 0; n < APART; n++)
            ++*(volatile unsigned *)(one + n * 32 * PAGE + 512);
        ++*(unsigned *)turns;
    }
    return NULL;
}

static void together(void)
{
    pthread_t thread;
    unsigned turns = 0, stores = 0;
    set_size(MANY_PAGES * PAGE);
    one = map_file(MANY_PAGES);
    other = map_file(MANY_PAGES);
    for (size_t n = 0; n < APART; n++) {
        /* What lies between was seen by no store: each piece is a map of its own. */
        if (mprotect(one + (n * 32 + 16) * PAGE, PAGE, PROT_READ) < 0 ||
            mprotect(other + (n * 32 + 16) * PAGE, PAGE, PROT_READ) < 0)
            die("mprotect: %s", strerror(errno));
        *(volatile char *)(one + n * 32 * PAGE) = 1;
    }
    pthread_create(&thread, NULL, add_to_one, &turns);
    for (unsigned round = 0; round < 60; round++) {
        for (size_t n = 0; n < APART; n++)
            ++*(volatile unsigned *)(other + n * 32 * PAGE + 1024);
        stores++;
        if (round % 20 == 10)
            give_space();
        msync(other, MANY_PAGES * PAGE, MS_SYNC);
    }
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    sync_all(one, MANY_PAGES);
    for (size_t n = 0; n < APART; n++) {
        unsigned both[2],
            *shown[2] = { (unsigned *)(one + n * 32 * PAGE), (unsigned *)(other + n * 32 * PAGE) };
        if (pread(file, &both[0], 4, (off_t)(n * 32 * PAGE + 512)) != 4 ||
            pread(file, &both[1], 4, (off_t)(n * 32 * PAGE + 1024)) != 4)
            die("pread");
        if (both[0] != turns || both[1] != stores)
            die("piece %zu: %u of %u and %u of %u stores are in the file", n, both[0], turns,
                both[1], stores);
        for (unsigned i = 0; i < 2; i++)
            if (shown[i][128] != turns || shown[i][256] != stores)
                die("piece %zu: map %u does not show it", n, i);
    }
}

/* The signal comes in the middle of a call about the range, and its handler stores to a page of it that lacks space:
 * it goes on, in whatever way. Says + for each store. */
static volatile size_t next_page;
static char *in_change;

static void store_next(int sig)
{
    (void)sig;
    if (next_page < 16 * PAGES) {
        ((volatile char *)in_change)[next_page * PAGE] = 1, next_page++;
        if (write(1, "+", 1) != 1)
            abort();
    }
}

static void in_change_of_range(void)
{
    const struct itimerval often = { { 0, 200 }, { 0, 200 } };
    set_size(16 * PAGES * PAGE);
    in_change = map_file(16 * PAGES);
    signal(SIGALRM, store_next);
    store_next(SIGALRM); /* there is one to look for, wherever it dies */
    setitimer(ITIMER_REAL, &often, NULL);
    while (next_page < 16 * PAGES)
        if (mprotect(in_change, 16 * PAGES * PAGE, RW) < 0)
            die("mprotect: %s", strerror(errno));
    puts(""); /* ends the line of + */
}

/* An alias may lie beside a map of the file that goes on where it ends: to the kernel they are one. */
static void beside_alias(void)
{
    set_size(PAGES * PAGE);
    char *low = map_file(PAGES);
    char *room = mmap(NULL, 2 * PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *high = mmap(room + PAGES * PAGE, PAGES * PAGE, RW, MAP_SHARED | MAP_FIXED, file,
                      (off_t)(PAGES * PAGE));
    if (high == MAP_FAILED || munmap(room, PAGES * PAGE) < 0)
        die("mmap: %s", strerror(errno));
    store(low, 0, PAGES, 0);
    set_size(2 * PAGES * PAGE);
    char *third = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, file, (off_t)(PAGES * PAGE));
    if (third == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    store(third, 0, PAGES, 0);
    expect(high, 0, PAGES, 0, "the map beside the alias");
    give_space();
    sync_all(low, PAGES);
    sync_all(high, PAGES);
    sync_all(third, PAGES);
    expect(high, 0, PAGES, 0, "the map beside the alias, with space");
    store(high, 0, PAGES, 8);
    expect(third, 0, PAGES, 8, "with space");
}

/* What was cut off and written anew shows in the map. */
static void cut_off(void)
{
    char page[PAGE], *at = map_file(PAGES);
    store(at, 0, PAGES, 0);
    set_size(0);
    give_space();
    memset(page, 'n', sizeof page);
    for (size_t i = 0; i < PAGES; i++)
        if (pwrite(file, page, sizeof page, (off_t)(i * PAGE)) != sizeof page)
            die("write: %s", strerror(errno));
    for (size_t i = 0; i < PAGES; i++)
        if (((volatile char *)at)[i * PAGE] != 'n')
            die("page %zu does not show what was written", i);
    sync_all(at, PAGES);
    for (size_t i = 0; i < PAGES; i++)
        if (pread(file, page, 1, (off_t)(i * PAGE)) != 1 || page[0] != 'n')
            die("page %zu of the file is wrong", i);
}

/* The page has the store of PAGES stores at that place, or zeros. */
static void expect_there(const char *at, size_t page, size_t where, bool there, const char *what)
{
    char is = ((const volatile char *)at)[page * PAGE + where], due = there ? (char)(page + 1) : 0;
    if (is != due)
        die("page %zu, byte %zu: %d instead of %d, %s", page, where, is, due, what);
}

static void expect_punched(const char *at, const char *what)
{
    for (size_t page = 0; page < PAGES; page++) {
        bool whole = (page >= 11 && page < 14) || page == 20;
        expect_there(at, page, 0, !whole && page != 14, what);
        expect_there(at, page, PAGE / 2, !whole && page != 10, what);
    }
}

/* The program punches a hole into what is spilled, from the middle of one page to that of another,
 * while there is no space; and zeroes a page when there is. */
static void punched(void)
{
    char bytes[PAGES * PAGE], *at = map_file(PAGES);
    store(at, 0, PAGES, 0);
    store(at, 0, PAGES, PAGE / 2);
    if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 * PAGE + PAGE / 2,
                  4 * PAGE) < 0)
        die("fallocate: %s", strerror(errno));
    for (size_t page = 11; page < 14; page++)
        expect_there(at, page, 0, false, "after a hole was punched");
    if (fallocate(file, FALLOC_FL_COLLAPSE_RANGE, 0, 4 * PAGE) == 0)
        die("the file was moved under what is spilled");
    give_space();
    if (fallocate(file, FALLOC_FL_ZERO_RANGE, 20 * PAGE, PAGE) < 0)
        die("fallocate of zeros: %s", strerror(errno));
    expect_punched(at, "in the map");
    sync_all(at, PAGES);
    if (pread(file, bytes, sizeof bytes, 0) != sizeof bytes)
        die("read: %s", strerror(errno));
    expect_punched(bytes, "in the file");
    expect_punched(at, "in the map, when all has gone back");
}

static char *beside_at;

static void *return_all(void *unused)
{
    give_space();
    sync_all(beside_at, PAGES);
    return unused;
}

/* Called by meanwhile.c, when the kernel has punched the hole and the library does not know yet. */
void after_fallocate(void);
void after_fallocate(void)
{
    pthread_t syncs;
    static bool returned;
    if (!beside_at || returned)
        return;
    returned = true;
    if (pthread_create(&syncs, NULL, return_all, NULL) || pthread_join(syncs, NULL))
        die("pthread_create");
}

/* There is space when the hole is punched, and another thread syncs at that moment. */
static void punched_beside(void)
{
    char bytes[PAGES * PAGE], *at = map_file(PAGES);
    store(at, 0, PAGES, 0);
    beside_at = at;
    if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 * PAGE, 4 * PAGE) < 0)
        die("fallocate: %s", strerror(errno));
    sync_all(at, PAGES);
    if (pread(file, bytes, sizeof bytes, 0) != sizeof bytes)
        die("read: %s", strerror(errno));
    for (size_t page = 0; page < PAGES; page++) {
        bool there = page < 10 || page >= 14;
        expect_there(at, page, 0, there, "in the map");
        expect_there(bytes, page, 0, there, "in the file");
    }
}

/* The program cuts its file off by its name, and makes it as long again. */
static void cut_by_name(void)
{
    char path[256], bytes[PAGES * PAGE], *at = map_file(PAGES);
    snprintf(path, sizeof path, "%s/file", folder);
    store(at, 0, PAGES, 0);
    if (truncate(path, 10 * PAGE) < 0 || truncate(path, PAGES * PAGE) < 0)
        die("truncate: %s", strerror(errno));
    give_space();
    sync_all(at, PAGES);
    if (pread(file, bytes, sizeof bytes, 0) != sizeof bytes)
        die("read: %s", strerror(errno));
    for (size_t page = 0; page < PAGES; page++) {
        expect_there(at, page, 0, page < 10, "in the map");
        expect_there(bytes, page, 0, page < 10, "in the file");
    }
}

/* Another program goes on in this process, when there is space: it finds all in the file. raw: by
 * syscall(2), else by execv. */
static void become(bool raw)
{
    char *none[] = { "none", NULL }, *became[] = { "spill_scenes", "became", (char *)folder, NULL };
    char number[32];
    char *at = map_file(PAGES);
    store(at, 0, PAGES, 0);
    give_space();
    if (raw) /* and one that fails changes nothing */
        syscall(SYS_execve, "/proc/self/maps/none", none, environ);
    else
        execv("/proc/self/maps/none", none);
    expect(at, 0, PAGES, 0, "after an exec that failed");
    store(at, 0, PAGES, 8);
    snprintf(number, sizeof number, "%d", file);
    setenv("SPILL_SCENES_FILE", number, 1);
    if (raw)
        syscall(SYS_execve, "/proc/self/exe", became, environ);
    else
        execv("/proc/self/exe", became);
    die("exec: %s", strerror(errno));
}

static void becomes(void)
{
    become(false);
}

static void becomes_raw(void)
{
    become(true);
}

/* There is no space: what is left is to be recovered while the process goes on as another program. */
static void leaves(void)
{
    char *at = map_file(PAGES);
    store(at, 0, PAGES, 0);
    fcntl(file, F_SETFD, FD_CLOEXEC);
    execl(
        "/bin/sh", "sh", "-c",
        "unset LD_PRELOAD; rm -f \"$1\"/others.*; sync -f \"$1\"; \"$MAPHERD\" recover \"$MAPHERD_SPILL_DIR\" >&2 && "
        "test $(od -A n -t u1 -N 1 \"$1/file\") = 1 && echo ok",
        "sh", folder, NULL);
    die("exec: %s", strerror(errno));
}

static void became(void)
{
    expect_in_file(0, PAGES, 0);
    expect_in_file(0, PAGES, 8);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        void (*run)(void);
    } scenes[] = {
        { "child-returns", child_returns },
        { "parent-returns", parent_returns },
        { "grows", grows },
        { "grows-over", grows_over },
        { "handler-stores", handler_stores },
        { "protects", protects },
        { "zeros-return", zeros_return },
        { "rewritten", rewritten },
        { "overlap", overlap },
        { "regrown", regrown },
        { "family", family },
        { "many-maps", many_maps },
        { "unseen-map", unseen_map },
        { "unseen-protection", unseen_protection },
        { "together", together },
        { "in-change", in_change_of_range },
        { "beside-alias", beside_alias },
        { "cut-off", cut_off },
        { "becomes", becomes },
        { "becomes-raw", becomes_raw },
        { "leaves", leaves },
        { "punched", punched },
        { "cut-by-name", cut_by_name },
        { "punched-beside", punched_beside },
    };
    char path[512];
    if (argc != 3)
        die("usage: spill_scenes SCENE FOLDER");
    folder = argv[2];
    if (strcmp(argv[1], "became") == 0) {
        file = atoi(getenv("SPILL_SCENES_FILE"));
        became();
        puts("ok");
        return 0;
    }
    snprintf(path, sizeof path, "%s/file", folder);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        die("%s: %s", path, strerror(errno));
    set_size(PAGES * PAGE);
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++)
        if (strcmp(argv[1], scenes[i].word) == 0) {
            scenes[i].run();
            puts("ok");
            return 0;
        }
    die("no scene %s", argv[1]);
}
