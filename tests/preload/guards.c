/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards: see guards.h. Runs every case; "maps N" on stderr is what a guard cost in maps, and
 * "library N" whether libmapherd.so is there.
 *
 *   guards          every case
 *   guards CASE     one
 */
#define _GNU_SOURCE
#include "guards.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"
#include "touch.h"

static int pipe_in, pipe_out;

char *area(int prot, int flags)
{
    char *around = mmap(NULL, (AREA + 2) * PAGE, PROT_NONE, ANON, -1, 0);
    char *a = around + PAGE;
    if (around == MAP_FAILED || mmap(a, AREA * PAGE, prot, flags | MAP_FIXED, -1, 0) != a)
        die("no area: %s", strerror(errno));
    return a;
}

void told(const char *what, long answer)
{
    printf("  %s: %s\n", what, answer == -1 ? strerrorname_np(errno) : answer ? "other" : "0");
}

int protect(char *a, size_t from, size_t to, int prot)
{
    return mprotect(a + from * PAGE, (to - from) * PAGE, prot);
}

/* What the kernel is allowed must be what the program is allowed. */
static bool kernel_differs(char *page, bool readable, bool writable)
{
    char byte = 0;
    bool kernel_reads = write(pipe_in, page, 1) == 1;
    if (kernel_reads && read(pipe_out, &byte, 1) != 1)
        die("the pipe lost a byte");
    if (!readable || !writable)
        byte = 0;
    if (write(pipe_in, &byte, 1) != 1)
        die("the pipe is full");
    bool kernel_writes = read(pipe_out, page, 1) == 1;
    if (!kernel_writes && read(pipe_out, &byte, 1) != 1)
        die("the pipe lost a byte");
    return kernel_reads != readable || kernel_writes != writable;
}

void show(const char *what, char *a)
{
    printf("  %s:", what);
    for (char *page = a; page < a + AREA * PAGE; page += PAGE) {
        bool readable = touch_reads(page);
        bool writable = readable && touch_stores(page, *page);
        if (!readable)
            printf(" F");
        else
            printf(writable ? " %d" : " r%d", *page);
        char *differs = kernel_differs(page, readable, writable) ? "E" : "";
        printf("%s", differs);
    }
    printf("\n");
}

void in_child(void (*part)(char *), char *a)
{
    int how = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        part(a);
        fflush(stdout);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &how, 0) != pid || how)
        die("the child ended with %#x", (unsigned)how);
}

void child_shows(char *a)
{
    show("child", a);
}

static void tell_cost(void)
{
    char *a = area(RW, ANON);
    long maps = look(NULL).maps;
    if (protect(a, 4, 6, PROT_NONE))
        die("mprotect: %s", strerror(errno));
    struct sight s = look(NULL);
    fprintf(stderr, "maps %ld\nlibrary %d\n", s.maps - maps, s.library);
}

static int run(const struct guard_case *c, const char *only)
{
    int n = 0;
    for (; c->name; c++) {
        if (only && strcmp(only, c->name) != 0)
            continue;
        printf("%s\n", c->name);
        c->run();
        n++;
    }
    return n;
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    int ends[2];
    if (pipe(ends))
        die("no pipe: %s", strerror(errno));
    touch_start();
    pipe_out = ends[0];
    pipe_in = ends[1];
    tell_cost();
    if (!(run(guard_basics, only) + run(guard_calls, only) + run(guard_kinds, only)))
        die("no case %s", only);
    return 0;
}
