/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holder FILE MODE PART...: maps parts of a file, says "ready" and holds them until its standard
 * input ends. A part is OFFSET:PAGES:ACCESS, offset in pages, access r or w and s or p (shared,
 * private): 4:2:ws. MODE apart puts each part into a place of its own, so that the kernel merges
 * none; free lets the kernel (or a library) choose.
 *
 * holder FILE many N: makes maps of anonymous memory until there are N more of them.
 *
 * holder FOLDER files N: makes N files in the folder and maps the first page of each. A line with a
 * number M on standard input: it reads from the first M of these maps in turn from then on; 0: no
 * more.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PART_MOST = 16 }; /* pages */

static int map_part(int fd, const char *part, char *place)
{
    long offset, pages, page = sysconf(_SC_PAGESIZE);
    char access, sharing;
    if (sscanf(part, "%ld:%ld:%c%c", &offset, &pages, &access, &sharing) != 4 || pages > PART_MOST)
        return 0;
    void *at = mmap(place, (size_t)(pages * page), PROT_READ | (access == 'w' ? PROT_WRITE : 0),
                    (sharing == 's' ? MAP_SHARED : MAP_PRIVATE) | (place ? MAP_FIXED : 0), fd,
                    offset * page);
    return at != MAP_FAILED;
}

/* Every second page is read-only: each is a map of its own. */
static int map_many(long n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, page * (size_t)n, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return 0;
    for (long i = 0; i < n; i += 2)
        if (mprotect(at + page * (size_t)i, page, PROT_READ) != 0)
            return 0;
    return 1;
}

static char **map_files(const char *folder, long n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char **at = calloc((size_t)n, sizeof *at), path[4096];
    for (long i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%ld", folder, i);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, (off_t)page) != 0)
            return NULL;
        at[i] = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (at[i] == MAP_FAILED)
            return NULL;
    }
    return at;
}

static void visit(char *const *at)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    char line[32] = "";
    long n = 0;
    for (long i = 0;; i++) {
        if (n)
            *(volatile char *)at[i % n];
        if ((n && i % 1000) || poll(&in, 1, n ? 0 : -1) != 1)
            continue;
        if (read(STDIN_FILENO, line, sizeof line - 1) <= 0)
            return;
        n = strtol(line, NULL, 10);
    }
}

static int hold_files(const char *folder, long n)
{
    char **at = map_files(folder, n);
    if (!at) {
        perror(folder);
        return 2;
    }
    puts("ready");
    fflush(stdout);
    visit(at);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (strcmp(argv[2], "files") == 0 && argc == 4)
        return hold_files(argv[1], strtol(argv[3], NULL, 10));
    int fd = open(argv[1], O_RDWR);
    int apart = strcmp(argv[2], "apart") == 0;
    size_t slot = (PART_MOST + 1) * (size_t)sysconf(_SC_PAGESIZE);
    char *places = mmap(NULL, slot * (size_t)argc, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || places == MAP_FAILED)
        return 2;
    int many = strcmp(argv[2], "many") == 0;
    if (many && (argc != 4 || !map_many(strtol(argv[3], NULL, 10))))
        return 2;
    for (int i = 3; i < argc && !many; i++) {
        if (!map_part(fd, argv[i], apart ? places + slot * (size_t)i : NULL)) {
            perror(argv[i]);
            return 2;
        }
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
