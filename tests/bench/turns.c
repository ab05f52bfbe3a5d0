/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * turns: what a single msync costs, alone and with the library, under the same conditions.
 *
 *     turns FILE BUFFERS CALLS LIBRARY WORD...    a process each for alone and each word of
 *                MAPHERD_SYNC, all of which keep the file mapped; they store to a page at random and
 *                sync its buffer by turns, CALLS times each. Prints the medians, microseconds
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define BUFFER (1L << 20)
#define PAGE 4096
#define PROCESSES 8

struct process {
    int go, done; /* pipes: a byte starts a call, its time comes back */
    pid_t pid;
    double *times;
};

static double now_us(void)
{
    return (double)clock_ns(CLOCK_MONOTONIC) / 1e3;
}

/* Every block has its place on the disk before: what is measured is no allocation. */
static void fill(const char *file, long buffers)
{
    static char bytes[BUFFER];
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        die(file);
    for (long n = 0; n < buffers; n++)
        if (pwrite(fd, bytes, BUFFER, n * BUFFER) != BUFFER)
            die(file);
    if (fsync(fd) < 0)
        die(file);
    close(fd);
}

/* Never two neighbours one after another, so that nothing looks like a loop over the buffers. */
static int take_turns(const char *file, long buffers, long which)
{
    char **at = calloc((size_t)buffers, sizeof *at), go;
    int fd = open(file, O_RDWR);
    if (fd < 0 || !at)
        die(file);
    for (long n = 0; n < buffers; n++) {
        at[n] = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * BUFFER);
        if (at[n] == MAP_FAILED)
            die("mmap");
    }
    for (long i = 0; read(0, &go, 1) == 1; i++) {
        char *buffer = at[(i * 7919 + 11) % buffers];
        *(uint64_t *)(buffer + (i * 37 + which) % (BUFFER / PAGE) * PAGE) = (uint64_t)i + 1;
        double start = now_us();
        if (msync(buffer, BUFFER, MS_SYNC) < 0)
            die("msync");
        double took = now_us() - start;
        if (write(1, &took, sizeof took) != sizeof took)
            die("pipe");
    }
    return 0;
}

static void start(struct process *p, char **argv, const char *word, int which)
{
    int go[2], done[2];
    char number[16];
    if (pipe2(go, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0)
        die("pipe");
    snprintf(number, sizeof number, "%d", which);
    p->pid = fork();
    if (p->pid == 0) {
        dup2(go[0], 0);
        dup2(done[1], 1);
        if (word) {
            setenv("LD_PRELOAD", argv[4], 1);
            setenv("MAPHERD_SYNC", word, 1);
        }
        execl("/proc/self/exe", "turns", argv[1], argv[2], number, (char *)NULL);
        die("execl");
    }
    close(go[0]);
    close(done[1]);
    p->go = go[1];
    p->done = done[0];
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct process all[PROCESSES];
    int count = argc - 4;
    if (argc == 4)
        return take_turns(argv[1], atol(argv[2]), atol(argv[3]));
    if (argc < 6 || count > PROCESSES)
        return 2;
    long calls = atol(argv[3]);
    fill(argv[1], atol(argv[2]));
    for (int n = 0; n < count; n++) {
        start(&all[n], argv, n ? argv[4 + n] : NULL, n);
        all[n].times = calloc((size_t)calls, sizeof(double));
        if (!all[n].times)
            die("calloc");
    }
    for (long i = 0; i < calls; i++)
        for (int n = 0; n < count; n++) {
            struct process *p = &all[(n + i) % count];
            if (write(p->go, "", 1) != 1 ||
                read(p->done, &p->times[i], sizeof(double)) != sizeof(double))
                die("turn");
        }
    for (int n = 0; n < count; n++) {
        int result;
        close(all[n].go);
        if (waitpid(all[n].pid, &result, 0) < 0 || result)
            die("process");
        qsort(all[n].times, (size_t)calls, sizeof(double), order);
        printf("%.2f%c", all[n].times[calls / 2], n + 1 < count ? ' ' : '\n');
    }
    return 0;
}
