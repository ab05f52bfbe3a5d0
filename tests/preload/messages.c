/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * messages: a program that has something else as descriptor 2 than at its start, or lets others speak.
 *
 * messages stays: provokes a log line.
 * messages file|pipe|socket|truncated DATA: puts its own data on descriptor 2 first; prints what of it is not
 *   its own.
 * messages inode DATA: like file, and descriptor 2 was DATA at start, whose inode's number the new file has
 *   ("other inode" where the filesystem gives it another).
 * messages workers: forks two workers, which provoke a line each, as it does; prints its number and theirs.
 * messages elsewhere: goes to the root folder, and provokes a line there.
 * messages makes FOLDER: makes the folder, and provokes a line.
 * messages wait: provokes a line and waits for the end of its input.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* With MAPHERD_LOG_LEVEL=info, the library says a line about this. */
static void provoke(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* A new file with the number that the old one had. */
static int reuse(const char *path)
{
    struct stat was, now;
    fstat(2, &was);
    close(2);
    unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0600);
    fstat(fd, &now);
    if (was.st_ino != now.st_ino)
        puts("other inode");
    return fd;
}

/* The descriptor that the program's data can be read from; 2 is where it writes. */
static int own_data(const char *kind, const char *path)
{
    int pair[2];
    if (strcmp(kind, "inode") == 0)
        return reuse(path) == 2 ? open(path, O_RDONLY) : -1;
    close(2);
    if (strcmp(kind, "file") == 0 || strcmp(kind, "truncated") == 0) {
        int how = strcmp(kind, "file") == 0 ? O_APPEND : O_TRUNC;
        return open(path, O_WRONLY | O_CREAT | how, 0600) == 2 ? open(path, O_RDONLY) : -1;
    }
    if (strcmp(kind, "pipe") == 0 ? pipe(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return -1;
    /* The first end has the number 2. */
    int read_end = dup(pair[0]), write_end = dup(pair[1]);
    if (dup2(write_end, 2) != 2 || close(pair[1]) || close(write_end))
        return -1;
    fcntl(read_end, F_SETFL, O_NONBLOCK);
    return read_end;
}

static int with_data(const char *kind, const char *path)
{
    char seen[4096];
    int from = own_data(kind, path);
    if (from < 0 || write(2, "record;", 7) != 7)
        return 2;
    provoke();
    if (write(2, "record;", 7) != 7)
        return 2;
    ssize_t len = read(from, seen, sizeof seen);
    if (len == 14 && memcmp(seen, "record;record;", 14) == 0)
        return 0;
    printf("'%.*s'\n", (int)len, seen);
    return 1;
}

static int workers(void)
{
    printf("%d\n", getpid());
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        pid_t worker = fork();
        if (worker == 0) {
            provoke();
            _exit(0);
        }
        printf("%d\n", worker);
        fflush(stdout);
        if (waitpid(worker, NULL, 0) != worker)
            return 2;
    }
    provoke();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "makes") == 0) {
        if (mkdir(argv[2], 0700))
            return 2;
        provoke();
        return 0;
    }
    if (argc > 2)
        return with_data(argv[1], argv[2]);
    if (argc > 1 && strcmp(argv[1], "workers") == 0)
        return workers();
    if (argc > 1 && strcmp(argv[1], "elsewhere") == 0 && chdir("/"))
        return 2;
    provoke();
    puts("said");
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "wait") == 0)
        while (getchar() != EOF)
            ;
    return 0;
}
