/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * errors: which msyncs are told that the disk refused a write.
 *
 *     errors FILE MOMENT SCENE part|whole    prints the failed ones, a line each: buffer and round
 *
 * It runs with watch.c behind it, and ends with ASTRAY if the write was refused while none of its
 * msyncs was under way, or (part) one that had not asked for that page: write-back had begun by
 * itself, and who is told then shows nothing. whole: for filesystems where an msync writes all of
 * the file.
 *
 *   single   a buffer is synced whose page cannot be written
 *   loop     it is one of many that are synced one after another
 *   again    so it is, after a round in which all could be written: what would be skipped is not
 *   twice    so it is, and then once more: of a file that had an error nothing is widened
 *   opens    two buffers were mapped through two opens: each is told once, whoever syncs first
 *   closed   the same, and the descriptors are closed, so that their numbers are one
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

#define BUFFER 65536L
#define BUFFERS 40
#define BAD 21
#define ASTRAY 4

static char *at[BUFFERS];
static struct moment *moment;
static const char *file;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

static void map(int n, int fd)
{
    at[n] = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * BUFFER);
    if (at[n] == MAP_FAILED)
        die("mmap");
    if (n == BAD)
        moment->marked = (uintptr_t)at[n];
}

static int open_file(void)
{
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        die(file);
    return fd;
}

static void sync_one(int n, int round)
{
    if (msync(at[n], BUFFER, MS_SYNC) == 0)
        return;
    if (errno != EIO)
        die("msync");
    printf("%d %d\n", n, round);
}

static void store(int bad)
{
    for (int n = 1; n < BUFFERS; n++)
        if (at[n])
            *(unsigned long *)at[n] = n == bad ? MARK : *(unsigned long *)at[n] + 1;
}

static void sync_all(int round)
{
    for (int n = 1; n < BUFFERS; n++)
        if (at[n])
            sync_one(n, round);
}

/* Every block has its place on the disk before: each page is then a write of its own. */
static void fill(void)
{
    static char page[BUFFER];
    int fd = open_file();
    memset(page, 1, sizeof page);
    for (int n = 0; n < BUFFERS; n++)
        if (pwrite(fd, page, sizeof page, n * BUFFER) != BUFFER)
            die("write");
    if (fsync(fd) < 0)
        die("fsync");
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    const char *scene = argv[3];
    int shared = open(argv[2], O_RDWR);
    moment = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    if (shared < 0 || moment == MAP_FAILED)
        die(argv[2]);
    file = argv[1];
    fill();
    __atomic_store_n(&moment->fail, 1, __ATOMIC_RELEASE);
    int fd = open_file();
    if (!strcmp(scene, "single")) {
        map(BAD, fd);
        store(BAD);
        sync_all(1);
        sync_all(2);
    } else if (!strcmp(scene, "loop") || !strcmp(scene, "again") || !strcmp(scene, "twice")) {
        for (int n = 1; n < BUFFERS; n++)
            map(n, fd);
        store(0);
        if (!strcmp(scene, "again")) {
            sync_all(1);
            sync_all(2);
        }
        store(BAD);
        sync_all(3);
        sync_all(4);
        if (!strcmp(scene, "twice")) {
            store(BAD);
            sync_all(5);
        }
    } else if (!strcmp(scene, "opens") || !strcmp(scene, "closed")) {
        int closed = !strcmp(scene, "closed");
        map(BAD, fd);
        if (closed)
            close(fd);
        int other = open_file();
        map(BAD + 1, other);
        if (closed)
            close(other);
        store(BAD);
        sync_all(1);
        sync_all(2);
    } else {
        return 2;
    }
    if (!moment->refused)
        return 2;
    return moment->outside || (moment->elsewhere && !strcmp(argv[4], "part")) ? ASTRAY : 0;
}
