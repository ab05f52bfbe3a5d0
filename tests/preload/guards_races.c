/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards_races: guards, while another thread stores to the page, and while calls past libc change what
 * lies there. Alone everything is right.
 *
 *   guards_races FILE stores ROUNDS   a page is protected while a thread stores to it for the first time;
 *                                     every other round that thread takes the access back when it faults
 *   guards_races FILE file            a file that raw calls mapped over the program's memory
 *   guards_races FILE opened          an emptied guard page that raw calls gave access to
 *   guards_races FILE reused          a file in the place of a guard, by raw calls
 *
 * Prints words KEY=VALUE: library; lost stores, kept ones, and what was not as it should be (wrong).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../raw.h"
#include "look.h"
#include "touch.h"

#define PAGE 4096UL
#define AREA (16 * PAGE)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static long lost, kept, wrong;
static const char *path;

static void must(bool done, const char *what)
{
    if (!done)
        die("%s: %s", what, strerror(errno));
}

static void expect(bool good, const char *what)
{
    if (good)
        return;
    wrong++;
    printf("NOT SO: %s\n", what);
}

static char *area(void)
{
    char *at = mmap(NULL, AREA, RW, ANON, -1, 0);
    must(at != MAP_FAILED, "mmap");
    at[0] = 1;
    return at;
}

/* Stores of another thread. */
static char *volatile page; /* of this round; NULL: the last is over */
static volatile long round_now, round_done;
static volatile bool stored;
static long rounds;

/* On a busy machine the other thread needs this one's time. */
static void wait_for(const volatile long *counter, long n)
{
    for (long spins = 0; __atomic_load_n(counter, __ATOMIC_ACQUIRE) < n; spins++)
        if (spins > 20000)
            sched_yield();
}

static void on_fault(int sig)
{
    (void)sig;
    if (mprotect(page, PAGE, RW))
        _exit(9);
}

static void *storer(void *unused)
{
    (void)unused;
    for (long n = 1; n <= rounds; n++) {
        wait_for(&round_now, n);
        if (n % 2) {
            stored = touch_stores(page, 7);
        } else {
            struct sigaction opens = { .sa_handler = on_fault }, before;
            sigaction(SIGSEGV, &opens, &before);
            *(volatile char *)page = 7;
            sigaction(SIGSEGV, &before, NULL);
            stored = true;
        }
        __atomic_store_n(&round_done, n, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void stores(void)
{
    pthread_t thread;
    must(!pthread_create(&thread, NULL, storer, NULL), "pthread_create");
    for (long n = 1; n <= rounds; n++) {
        char *at = area();
        page = at + 8 * PAGE;
        __atomic_store_n(&round_now, n, __ATOMIC_RELEASE);
        for (volatile long wait = n * 7 % 4096; wait > 0;
             wait--) /* the store comes at every moment */
            ;
        must(mprotect(page, PAGE, PROT_NONE) == 0, "mprotect");
        wait_for(&round_done, n);
        must(mprotect(page, PAGE, RW) == 0, "mprotect");
        kept += stored && *page == 7;
        lost += stored && *page != 7;
        munmap(at, AREA);
    }
    pthread_join(thread, NULL);
}

static int file(long size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && ftruncate(fd, size) == 0, "the file");
    return fd;
}

/* How raw calls map, protect and unmap. */
static void raw_map(char *at, size_t len, int flags, int fd)
{
    must((char *)raw(SYS_mmap, at, len, RW, flags | MAP_FIXED, fd, 0L) == at, "a raw mmap");
}

static void raw_open(char *at)
{
    must(raw(SYS_mprotect, at, PAGE, RW) == 0, "a raw mprotect");
}

static void over_a_file(int flags)
{
    char *at = area();
    int fd = file((long)AREA);
    raw_map(at, AREA, flags, fd);
    must(mprotect(at + 4 * PAGE, PAGE, PROT_NONE) == 0, "mprotect");
    expect(!touch_reads(at + 4 * PAGE), "the guard faults");
    raw_open(at + 4 * PAGE);
    expect(touch_stores(at + 4 * PAGE, 7), "a file's page is protected plainly");
    close(fd);
}

static void opened(void)
{
    char *at = area(), *guard = at + 4 * PAGE;
    *guard = 5;
    must(mprotect(guard, PAGE, PROT_NONE) == 0, "mprotect");
    must(madvise(guard, PAGE, MADV_DONTNEED) == 0, "madvise");
    raw_open(guard);
    for (int i = 0; i < 200; i++) /* each is an occasion to look at older guards */
        must(mprotect(area() + 4 * PAGE, PAGE, PROT_NONE) == 0, "mprotect");
    expect(touch_stores(guard, 7) && *guard == 7, "a page that was given access has it");
}

static void reused(void)
{
    char *at = area(), *guard = at + 4 * PAGE;
    must(mprotect(guard, PAGE, PROT_NONE) == 0, "mprotect");
    must(raw(SYS_munmap, at, AREA) == 0, "a raw munmap");
    int fd = file(0);
    raw_map(at, AREA, MAP_SHARED, fd);
    madvise(at, AREA, 23); /* MADV_POPULATE_WRITE: there is nothing of the file yet */
    must(ftruncate(fd, (long)AREA) == 0, "ftruncate");
    expect(touch_stores(guard, 7), "a page of the file can be stored to");
}

int main(int argc, char **argv)
{
    path = argc > 2 ? argv[1] : "";
    touch_start();
    rounds = argc > 3 ? atol(argv[3]) : 0;
    if (argc > 2 && !strcmp(argv[2], "stores")) {
        stores();
    } else if (argc > 2 && !strcmp(argv[2], "file")) {
        over_a_file(MAP_SHARED);
        over_a_file(MAP_PRIVATE);
    } else if (argc > 2 && !strcmp(argv[2], "opened")) {
        opened();
    } else if (argc > 2 && !strcmp(argv[2], "reused")) {
        reused();
    } else {
        die("usage: guards_races FILE SCENE [ROUNDS]");
    }
    printf("library=%d lost=%ld kept=%ld wrong=%ld\n", look(NULL).library, lost, kept, wrong);
    return lost || wrong;
}
