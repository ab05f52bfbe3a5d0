/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill_filter: a program that was started under a seccomp filter stores to a file, and looks for children
 * that it has not made.
 *
 *   spill_filter WAY FILE    the disk of FILE is full
 *
 * WAY: plain; closed, it has closed the file; handler, it handles SIGBUS; threads, that and has a second thread;
 * spaces, it has made a PID namespace for its children. Says stored or handled, no child or what it found,
 * what msync answered, the same again after a line on its stdin, and ends with 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"

#define PAGE 4096UL
#define PAGES 64UL

static sigjmp_buf before;
static volatile sig_atomic_t children_ended;

static void on_bus(int sig)
{
    (void)sig;
    siglongjmp(before, 1);
}

static void on_child(int sig)
{
    (void)sig;
    children_ended++;
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void look_for_children(void)
{
    char list[256] = "";
    FILE *f = fopen("/proc/thread-self/children", "r");
    if (f && fgets(list, sizeof list, f))
        die("children: %s", list);
    if (f)
        fclose(f);
    if (waitpid(-1, NULL, WNOHANG | __WALL) != -1 || errno != ECHILD)
        die("there is a child");
    if (children_ended)
        die("SIGCHLD came");
    puts("no child");
}

static void say_msync(char *at)
{
    printf("msync %d\n", msync(at, PAGES * PAGE, MS_SYNC) < 0 ? errno : 0);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 3)
        die("usage: spill_filter WAY FILE");
    if (getenv("LD_PRELOAD") && !look(NULL).library)
        die("the library is not in it");
    const char *way = argv[1];
    int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)(PAGES * PAGE)) < 0)
        die("%s: %s", argv[2], strerror(errno));
    char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    signal(SIGCHLD, on_child);
    if (strcmp(way, "closed") == 0)
        close(fd);
    if (strcmp(way, "handler") == 0 || strcmp(way, "threads") == 0)
        signal(SIGBUS, on_bus);
    if (strcmp(way, "threads") == 0 && pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
        die("pthread_create");
    if (strcmp(way, "spaces") == 0 && unshare(CLONE_NEWPID) < 0)
        die("unshare: %s", strerror(errno));
    if (sigsetjmp(before, 1) == 0) {
        for (size_t i = 0; i < PAGES; i++)
            memset(at + i * PAGE, (int)i + 1, PAGE);
        puts("stored");
    } else {
        puts("handled");
    }
    look_for_children();
    say_msync(at);
    getchar();
    say_msync(at);
    return 0;
}
