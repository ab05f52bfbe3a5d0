/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * title: a server that writes what it does over the memory of its arguments and its environment, as
 * PostgreSQL, nginx, Perl and setproctitle do.
 *
 * title FILE over|leave: writes the title or leaves the memory alone, makes 200 mappings, says where its
 * record would be needed ("ready"), waits for a line of input, and reads beyond the end of FILE.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

/* The strings of the arguments and of the environment lie one behind the other. */
static void write_title(char **argv)
{
    char *start = argv[0], *end = start;
    size_t count = 0;
    for (char **a = argv; *a; a++)
        if (*a == end)
            end += strlen(*a) + 1;
    for (; environ[count]; count++)
        if (environ[count] == end)
            end += strlen(environ[count]) + 1;
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = strdup(environ[i]);
    environ = copy;
    memset(start, 0, (size_t)(end - start));
    snprintf(start, (size_t)(end - start), "server: at work");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, 1 << 20))
        return 2;
    if (strcmp(argv[2], "over") == 0)
        write_title(argv);
    for (int i = 0; i < 200; i++) {
        void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, 4096))
            return 2;
    }
    volatile char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return 2;
    puts("ready");
    fflush(stdout);
    if (getchar() == EOF || ftruncate(fd, 4096))
        return 2;
    printf("read %d\n", p[500000]);
    fflush(stdout);
    return 0;
}
