/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * neighbours: a chunk of a file is made what no hook sees, and then the next one is mapped. It is plain,
 * whatever its neighbour is. It knows nothing of mapherd:
 *
 *   neighbours list
 *   neighbours CASE FILE
 *
 * Functions are found by handle, as ctypes, JNA, Panama and Julia find them: a preloaded library is
 * passed by. Ends with 0 if it is as it should be, with 77 and a reason where the kernel cannot do it;
 * the last words are library=0 or 1, and figures for neighbours.sh.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../raw.h"
#include "look.h"

#define PAGE 4096L
#define CHUNK (16 * PAGE)
#define RW (PROT_READ | PROT_WRITE)
#define CHECK(truth)                                                                \
    do {                                                                            \
        if (!(truth))                                                               \
            die("%s:%d: not so: %s (errno %d)", __FILE__, __LINE__, #truth, errno); \
    } while (0)

static const char *path;
static int fd;
static char figures[100];

_Noreturn static void cannot(const char *why)
{
    printf("not shown here: %s: %s\n", why, strerror(errno));
    exit(77);
}

static char *map_through(int through, long n)
{
    char *at = mmap(NULL, CHUNK, RW, MAP_SHARED, through, n * CHUNK);
    CHECK(at != MAP_FAILED);
    return at;
}

static char *map(long n)
{
    return map_through(fd, n);
}

/* A chunk with others before it, so that one that follows would be placed beside it. */
static char *neighbour(void)
{
    map(1);
    return map(2);
}

/* Each page of the chunk is the file's, and a store reaches it. */
static void expect_plain(char *at, long n)
{
    uint64_t v;
    for (long page = 0; page < CHUNK; page += PAGE) {
        memcpy(&v, at + page, sizeof v);
        CHECK(v == (uint64_t)(n * CHUNK + page));
    }
    at[CHUNK - 1] = 7;
    char stored = 0;
    CHECK(pread(fd, &stored, 1, (n + 1) * CHUNK - 1) == 1 && stored == 7);
}

static void remapped(void)
{
    char *a = neighbour();
    if (raw(SYS_remap_file_pages, a + CHUNK - PAGE, PAGE, 0, 200, 0))
        cannot("remap_file_pages");
    expect_plain(map(3), 3);
}

static void protected(void)
{
    char *a = neighbour();
    CHECK(raw(SYS_mprotect, a, CHUNK, PROT_READ) == 0);
    expect_plain(map(3), 3);
}

static void not_forked(void)
{
    char *a = neighbour();
    CHECK(raw(SYS_madvise, a, CHUNK, MADV_DONTFORK) == 0);
    char *b = map(3);
    pid_t pid = fork();
    if (pid == 0) {
        expect_plain(b, 3);
        _exit(0);
    }
    int how;
    CHECK(pid > 0 && waitpid(pid, &how, 0) == pid && how == 0);
}

static void locked(void)
{
    char *a = neighbour();
    if (raw(SYS_mlock, a, CHUNK))
        cannot("mlock");
    char *b = map(3);
    CHECK(!look_flag(b, "lo") && look_flag(a, "lo"));
    expect_plain(b, 3);
}

/* All is locked, what the library has of its own too: it must not be more than a little. */
static void all_locked(void)
{
    CHECK(ftruncate(fd, 4L << 30) == 0);
    neighbour();
    int other = open(path, O_RDWR);
    map_through(other, 3);
    map(4);
    if (raw(SYS_mlockall, MCL_CURRENT | MCL_ONFAULT))
        cannot("mlockall");
    CHECK(look_status("VmLck:") < 1 << 20);
    char *b = map_through(other, 5);
    CHECK(!look_flag(b, "lo"));
    expect_plain(b, 5);
}

static void locked_later(void)
{
    neighbour();
    int other = open(path, O_RDWR);
    map_through(other, 3);
    if (raw(SYS_mlockall, MCL_FUTURE))
        cannot("mlockall");
    char *b = map_through(other, 4), *c = map(5);
    CHECK(look_flag(b, "lo") && look_flag(c, "lo"));
    expect_plain(b, 4);
    expect_plain(c, 5);
}

static void watched(void)
{
    char *a = neighbour();
    int u = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = { .api = UFFD_API };
    if (u < 0 || ioctl(u, UFFDIO_API, &api))
        cannot("userfaultfd");
    struct uffdio_register r = { .range = { (uintptr_t)a, CHUNK },
                                 .mode = UFFDIO_REGISTER_MODE_MISSING };
    if (ioctl(u, UFFDIO_REGISTER, &r))
        cannot("userfaultfd for this filesystem");
    char *b = map(3);
    CHECK(look_flag(a, "um") && !look_flag(b, "um"));
    expect_plain(b, 3);
}

static void bound(void)
{
    char *a = neighbour();
    unsigned long node = 1;
    int mode = -1;
    if (syscall(SYS_mbind, a, CHUNK, 2 /* MPOL_BIND */, &node, 64, 0))
        cannot("mbind");
    char *b = map(3);
    CHECK(syscall(SYS_get_mempolicy, &mode, NULL, 0, b, 2 /* MPOL_F_ADDR */) == 0 && mode == 0);
    expect_plain(b, 3);
}

static int events(int n)
{
    char bytes[4096];
    long len = read(n, bytes, sizeof bytes);
    int seen = 0;
    for (long at = 0; at < len; seen++) {
        struct inotify_event e;
        memcpy(&e, bytes + at, sizeof e);
        at += (long)sizeof e + e.len;
    }
    return seen;
}

/* The file is closed after writing when the map through that open() goes. */
static void closed(void)
{
    neighbour();
    int n = inotify_init1(IN_NONBLOCK);
    CHECK(n >= 0 && inotify_add_watch(n, path, IN_CLOSE_WRITE) >= 0);
    int other = open(path, O_RDWR);
    char *b = map_through(other, 3);
    close(other);
    int before = events(n);
    CHECK(munmap(b, CHUNK) == 0);
    snprintf(figures, sizeof figures, " closed=%d,%d", before, events(n));
}

/* The program limits its address space when it has mapped. */
static void limited(void)
{
    CHECK(ftruncate(fd, 4L << 30) == 0);
    map_through(open(path, O_RDWR), 2);
    map_through(open(path, O_RDWR), 1);
    map_through(open(path, O_RDWR), 3);
    struct rlimit limit = { 1UL << 30, 1UL << 30 };
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    CHECK(mmap(NULL, 50 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    char *b = map_through(open(path, O_RDWR), 4);
    expect_plain(b, 4);
}

/* Many files, of each one chunk. */
static void lone(void)
{
    enum { FILES = 3000 };
    char name[4200];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%s.%d", path, i);
        int one = open(name, O_RDWR | O_CREAT, 0600);
        CHECK(one >= 0 && ftruncate(one, 3 * CHUNK) == 0);
        volatile char *at = map_through(one, 1);
        CHECK(*at == 0);
        close(one);
        unlink(name);
    }
    snprintf(figures, sizeof figures, " pte=%ld", look_status("VmPTE:"));
}

/* Each part is mapped again and again before any of it is unmapped. Half of each part is left out at
 * first, as gaps between the chunks. */
static void layered(void)
{
    enum { PARTS = 12, TIMES = 300, HALF = CHUNK / 2 };
    static char *at[TIMES][PARTS][2];
    for (int half = 0; half < 2; half++)
        for (int t = 0; t < TIMES; t++)
            for (int n = 0; n < PARTS; n++) {
                char *a = mmap(NULL, HALF, RW, MAP_SHARED, fd, n * CHUNK + half * HALF);
                CHECK(a != MAP_FAILED);
                at[t][n][half] = a;
                a[t % HALF] ^=
                    1; /* each address is a map of its part: all stores are seen by all */
            }
    snprintf(figures, sizeof figures, " maps=%ld", look(path).of_file);
    for (int t = 0; t < TIMES; t++)
        for (int n = 0; n < PARTS; n++)
            for (int half = 0; half < 2; half++) {
                uint64_t v;
                memcpy(&v, at[t][n][half] + PAGE, sizeof v);
                CHECK((v & ~(uint64_t)0xff) ==
                      ((uint64_t)(n * CHUNK + half * HALF + PAGE) & ~(uint64_t)0xff));
                CHECK(munmap(at[t][n][half], HALF) == 0);
            }
    CHECK(look(path).of_file == 0);
}

/* What is mapped by name and unmapped by a raw call, again and again, takes no memory: the library must not take
 * each chunk for one that is there still. */
static void forgotten(void)
{
    enum { TIMES = 6000, PARTS = 8 };
    neighbour();
    long before = look_status("RssAnon:");
    for (long n = 0; n < TIMES; n++) {
        char *at = map(3 + n % PARTS);
        expect_plain(at, 3 + n % PARTS);
        CHECK(raw(SYS_munmap, at, CHUNK) == 0);
    }
    snprintf(figures, sizeof figures, " grown=%ld", look_status("RssAnon:") - before);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    { "remapped", remapped },
    { "protected", protected },
    { "not_forked", not_forked },
    { "locked", locked },
    { "all_locked", all_locked },
    { "locked_later", locked_later },
    { "watched", watched },
    { "bound", bound },
    { "closed", closed },
    { "limited", limited },
    { "lone", lone },
    { "layered", layered },
    { "forgotten", forgotten },
};

int main(int argc, char **argv)
{
    size_t count = sizeof cases / sizeof *cases, n = 0;
    if (argc == 2 && !strcmp(argv[1], "list")) {
        for (; n < count; n++)
            puts(cases[n].name);
        return 0;
    }
    while (n < count && (argc != 3 || strcmp(cases[n].name, argv[1])))
        n++;
    if (n == count)
        die("usage: neighbours list | neighbours CASE FILE");
    path = argv[2];
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, 256 * PAGE) == 0);
    for (uint64_t page = 0; page < 256 * PAGE; page += PAGE)
        CHECK(pwrite(fd, &page, sizeof page, (off_t)page) == sizeof page);
    bool library = look(NULL).library;
    cases[n].run();
    printf("library=%d%s\n", library, figures);
    return 0;
}
