/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sparse: processes that map sparse files whole and store a page in each, and write a log meanwhile:
 * a log store with its index files. It knows nothing of mapherd.
 *
 *     sparse FOLDER PROCESSES FILES MIB LOG
 *
 * Each of the PROCESSES makes FILES files of MIB MiB in FOLDER. When all of them have mapped theirs,
 * each writes LOG MiB to a log of its own. Prints whether the library is there, and how many KiB the
 * files have on disk. Status 0: written and read back; 3: a call failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"

static const char *folder;

static _Noreturn void failed(const char *call)
{
    printf("%s: %s (%d)\n", call, strerror(errno), errno);
    exit(3);
}

static int file_of(int process, const char *what, int number)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%d-%d.%s", folder, process, number, what);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        failed("open");
    return fd;
}

static char *map_sparse(int process, int number, off_t size, long *kib)
{
    struct stat st;
    int fd = file_of(process, "index", number);
    if (ftruncate(fd, size))
        failed("ftruncate");
    char *at = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        failed("mmap");
    at[size / 2] = (char)('a' + number % 26);
    if (fstat(fd, &st))
        failed("fstat");
    *kib += (long)st.st_blocks / 2;
    close(fd);
    return at;
}

static void write_log(int process, long mib)
{
    static char block[1 << 20];
    int fd = file_of(process, "log", 0);
    memset(block, 'r', sizeof block);
    for (long i = 0; i < mib; i++)
        for (size_t done = 0; done < sizeof block;) {
            ssize_t n = write(fd, block + done, sizeof block - done);
            if (n < 0)
                failed("write");
            done += (size_t)n;
        }
    if (fsync(fd))
        failed("fsync");
    close(fd);
}

/* Says on the pipe that all is mapped, waits for the others. */
static int run(int process, int files, off_t size, long mib, int mapped, int go)
{
    char **maps = calloc((size_t)files, sizeof *maps), byte = 0;
    long kib = 0;
    for (int i = 0; i < files; i++)
        maps[i] = map_sparse(process, i, size, &kib);
    if (write(mapped, &kib, sizeof kib) != sizeof kib || read(go, &byte, 1) != 0)
        die("the pipes are broken");
    write_log(process, mib);
    for (int i = 0; i < files; i++)
        if (maps[i][size / 2] != (char)('a' + i % 26) || maps[i][size / 2 + 1])
            die("file %d of process %d has other bytes", i, process);
    return 0;
}

int main(int argc, char **argv)
{
    int mapped[2], go[2], status, worst = 0;
    long kib = 0, one;
    if (argc != 6)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    folder = argv[1];
    int processes = atoi(argv[2]), files = atoi(argv[3]);
    printf("library %d\n", look(NULL).library);
    if (pipe(mapped) || pipe(go))
        die("no pipes: %s", strerror(errno));
    for (int i = 0; i < processes; i++) {
        pid_t child = fork();
        if (child < 0)
            die("fork: %s", strerror(errno));
        if (child == 0) {
            close(go[1]);
            close(mapped[0]);
            exit(run(i, files, (off_t)atol(argv[4]) << 20, atol(argv[5]), mapped[1], go[0]));
        }
    }
    close(mapped[1]);
    for (int i = 0; i < processes && read(mapped[0], &one, sizeof one) == sizeof one; i++)
        kib += one;
    printf("allocated %ld KiB\n", kib);
    close(go[1]);
    while (wait(&status) > 0)
        if (!WIFEXITED(status) || WEXITSTATUS(status) > worst)
            worst = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    return worst;
}
