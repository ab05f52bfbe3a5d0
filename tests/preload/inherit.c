/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * inherit: other threads keep the library at work, and the main one forks workers that do not exec.
 *
 * inherit FILE: prints each descriptor that a worker has and the program has not opened, and at the end how
 * many workers there were. Status 1: there was one.
 * inherit FILE leak: a thread of the program itself opens and closes a file all the time.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 300, PAGE = 4096, HIGHEST = 1024 };

static volatile bool stop;
static bool own[HIGHEST];
static const char *path;

/* Stacks of coroutines: each guard is a question about a page. */
static void *make_guards(void *unused)
{
    (void)unused;
    while (!stop) {
        char *at =
            mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED || mprotect(at, PAGE, PROT_NONE) || munmap(at, 16 * PAGE))
            abort();
    }
    return NULL;
}

/* Maps that cannot be had: each is explained in the log. */
static void *be_refused(void *unused)
{
    (void)unused;
    while (!stop)
        if (mmap(NULL, 1UL << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            abort();
    return NULL;
}

static void *open_and_close(void *unused)
{
    (void)unused;
    while (!stop)
        close(open(path, O_RDONLY | O_CLOEXEC));
    return NULL;
}

static int look(void)
{
    int found = 0;
    for (int fd = 0; fd < HIGHEST; fd++) {
        char link[64], to[256], line[400];
        if (own[fd])
            continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(link, to, sizeof to - 1);
        if (len < 0)
            continue;
        to[len] = '\0';
        int n = snprintf(line, sizeof line, "%d is %s\n", fd, to);
        if (write(1, line, (size_t)n) != n)
            _exit(2);
        found = 1;
    }
    return found;
}

int main(int argc, char **argv)
{
    pthread_t threads[3];
    unsigned made = 0, bad = 0;
    if (argc < 2)
        return 2;
    path = argv[1];
    for (int fd = 0; fd < HIGHEST; fd++)
        own[fd] = fcntl(fd, F_GETFD) >= 0;
    pthread_create(&threads[made++], NULL, make_guards, NULL);
    pthread_create(&threads[made++], NULL, be_refused, NULL);
    if (argc > 2)
        pthread_create(&threads[made++], NULL, open_and_close, NULL);
    for (int i = 0; i < WORKERS; i++) {
        int status;
        pid_t worker = fork();
        if (worker == 0)
            _exit(look());
        if (waitpid(worker, &status, 0) != worker || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
            return 2;
        bad += WEXITSTATUS(status) != 0;
    }
    stop = true;
    while (made)
        pthread_join(threads[--made], NULL);
    printf("%u of %d workers\n", bad, WORKERS);
    return bad != 0;
}
