/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * trap: runs one case.  trap list | trap CASE FILE
 */
#define _GNU_SOURCE
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"

static int asked, beside;
static char facts[64];

void note_beside(const char *first, const char *second)
{
    asked++;
    beside += second == first + CHUNK;
}

void note_fact(bool fact)
{
    size_t n = strlen(facts);
    CHECK(n + 1 < sizeof facts);
    facts[n] = fact ? '1' : '0';
}

uint64_t page_number(off_t offset)
{
    return 0x1000000u + (uint64_t)(offset / PAGE);
}

uint64_t peek(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

void poke(char *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

void trap_fill(int fd)
{
    CHECK(ftruncate(fd, PARTS * CHUNK) == 0);
    for (off_t at = 0; at < PARTS * CHUNK; at += PAGE) {
        uint64_t value = page_number(at);
        CHECK(pwrite(fd, &value, sizeof value, at) == sizeof value);
    }
}

int trap_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    return fd;
}

char *map_part(int prot, int flags, int fd, off_t offset, long len)
{
    char *at = mmap(NULL, (size_t)len, prot, flags, fd, offset);
    CHECK(at != MAP_FAILED);
    return at;
}

char *map_chunk(int fd, long n)
{
    return map_part(RW, MAP_SHARED, fd, n * CHUNK, CHUNK);
}

static char *herded[2];
static long maps_of_herded;

void herd(int fd)
{
    for (int i = 0; i < 2; i++)
        herded[i] = map_part(RW, MAP_SHARED, fd, (PARTS - 2) * CHUNK + i * PAGE, PAGE);
}

void unherd(void)
{
    for (int i = 0; i < 2; i++)
        unmap(herded[i], PAGE);
    maps_of_herded = 0;
}

long herd_maps(void)
{
    return maps_of_herded;
}

void unmap(char *at, long len)
{
    CHECK(munmap(at, (size_t)len) == 0);
    CHECK(!is_mapped(at));
}

void expect_pages(const char *at, off_t offset, long len)
{
    for (long page = 0; page < len; page += PAGE)
        if (peek(at + page) != page_number(offset + page))
            die("at offset %ld: page %#lx, and not %#lx", (long)(offset + page),
                (unsigned long)peek(at + page), (unsigned long)page_number(offset + page));
}

void expect_chunk(const char *at, long n)
{
    expect_pages(at, n * CHUNK, CHUNK);
}

bool is_mapped(const char *at)
{
    unsigned char core;
    return mincore((void *)((uintptr_t)at & ~(uintptr_t)(PAGE - 1)), PAGE, &core) == 0;
}

bool in_child(bool (*what)(struct trap *t), struct trap *t)
{
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(what(t) ? 0 : 1);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status))
        die("the child died of signal %d", WTERMSIG(status));
    return status == 0;
}

static const struct trap_case *const all[] = { trap_maps, trap_flags, trap_files };
#define FOR_EACH_CASE(one)                                \
    for (size_t n = 0; n < sizeof all / sizeof *all; n++) \
        for (const struct trap_case *one = all[n]; one->name; one++)

static const struct trap_case *find(const char *name)
{
    FOR_EACH_CASE(one)
    if (strcmp(one->name, name) == 0)
        return one;
    die("no case %s", name);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        FOR_EACH_CASE(one)
        puts(one->name);
        return 0;
    }
    if (argc != 3)
        die("usage: trap list | trap CASE FILE");
    const struct trap_case *chosen = find(argv[1]);
    struct trap t = { argv[2], trap_open(argv[2], O_RDWR | O_CREAT | O_TRUNC) };
    trap_fill(t.fd);
    herd(t.fd);
    maps_of_herded = look(t.path).of_file;
    chosen->run(&t);
    printf("library=%d asked=%d beside=%d facts=%s\n", look(NULL).library, asked, beside, facts);
    return 0;
}
