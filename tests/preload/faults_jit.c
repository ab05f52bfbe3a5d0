/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * faults_jit FILE MAP: loads a page of FILE, which it has truncated meanwhile, in code of no file.
 * MAP is how it makes the map file that has the name of this code:
 *   own, writable (by all), other (of another user), old (from before the program began), link (a
 *   symbolic link), pipe, odd (lines that are none, around the right one), none
 * Removes the map file before the fault ends the process, where MAP is none.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

/* Loads from the address in its argument, as code that a JIT has made: with a frame pointer. */
#if defined(__x86_64__)
static const unsigned char load[] = { 0x55, 0x48, 0x89, 0xe5, 0x8b, 0x07, 0x5d, 0xc3 };
#else
static const unsigned char load[] = { 0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x00, 0x00,
                                      0x40, 0xb9, 0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6 };
#endif

static void *good(void *at)
{
    if (at != MAP_FAILED)
        return at;
    perror("faults_jit");
    exit(2);
}

static void check(int answer)
{
    if (answer != 0) {
        perror("faults_jit: the map file");
        exit(2);
    }
}

static void write_map(const char *path, uintptr_t code, const char *how)
{
    char text[512];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_EXCL, 0644);
    check(fd < 0);
    if (strcmp(how, "odd") == 0)
        dprintf(
            fd,
            "\n\n   \n0x\nffffffffffffffffffffffffff 1 long\n%lx\n%lx 100\n%lx  two\n-1 1 minus\n"
            "zz 10 word\n%lx 0 empty\n",
            code, code, code, code);
    dprintf(fd, "%lx %zx jit_that is\tearlier\n", code, sizeof load);
    dprintf(fd, "%lx 10 jit_below\n0x%lx 0x%zx jit_that loads\n%lx 10 jit_above\n", code - 16, code,
            sizeof load, code + sizeof load);
    if (strcmp(how, "odd") == 0) {
        memset(text, 'n', sizeof text);
        for (int i = 0; i < 300; i++)
            check(write(fd, text, sizeof text) != sizeof text); /* one line, without an end */
    }
    close(fd);
}

static void make_map(uintptr_t code, const char *how)
{
    char path[64], real[sizeof path + 8];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    snprintf(real, sizeof real, "%s.real", path);
    if (strcmp(how, "none") == 0)
        return;
    if (strcmp(how, "pipe") == 0) {
        check(mkfifo(path, 0600));
        return;
    }
    write_map(strcmp(how, "link") == 0 ? real : path, code, how);
    if (strcmp(how, "link") == 0)
        check(symlink(real, path));
    if (strcmp(how, "writable") == 0)
        check(chmod(path, 0666));
    if (strcmp(how, "other") == 0)
        check(chown(path, 65534, 65534));
    if (strcmp(how, "old") == 0)
        check(utimensat(AT_FDCWD, path, (struct timespec[]){ { 1, 0 }, { 1, 0 } }, 0));
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    check(fd < 0 || ftruncate(fd, PAGE) != 0);
    const int *mapped = good(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    unsigned char *code =
        good(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memcpy(code + 64, load, sizeof load);
    check(mprotect(code, PAGE, PROT_READ | PROT_EXEC));
    __builtin___clear_cache((char *)code, (char *)code + PAGE);
    make_map((uintptr_t)code + 64, argv[2]);
    printf("%d\n", (int)getpid());
    fflush(stdout);
    check(ftruncate(fd, 0));
    int (*jit)(const int *);
    unsigned char *at = code + 64;
    memcpy(&jit, &at, sizeof jit);
    return jit(mapped);
}
