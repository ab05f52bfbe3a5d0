/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * parked: the open files that the library keeps for a full disk, as the program and the kernel see them.
 *
 *   parked FOLDER bare|kept     two sparse files are made there; whether the library is to keep them
 *
 * Says ok and ends with 0, or says what is wrong.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"

#define LEN (64UL * 4096)
#define HIGH 512
#define MOST 700

static char paths[2][512];
static int events;
static bool kept;
static bool opened[MOST]; /* descriptors that the program has opened */

/* Every descriptor of the process, by the kernel's list, but for that of the list: it is the program's own. */
static void expect_own(const char *when)
{
    DIR *list = opendir("/proc/self/fd");
    if (!list)
        die("/proc/self/fd: %s", strerror(errno));
    for (struct dirent *e; (e = readdir(list));) {
        int fd = atoi(e->d_name);
        char to[256];
        if (e->d_name[0] == '.' || fd == dirfd(list) || (fd < MOST && opened[fd]))
            continue;
        ssize_t len = readlinkat(dirfd(list), e->d_name, to, sizeof to - 1);
        die("%s: descriptor %d is %.*s, and the program has not opened it", when, fd,
            (int)(len < 0 ? 0 : len), to);
    }
    closedir(list);
}

/* Those below the library's are the program's. */
static void know_own(void)
{
    for (int fd = 0; fd < HIGH; fd++)
        opened[fd] = fcntl(fd, F_GETFD) >= 0;
}

static int open_file(int n)
{
    int fd = open(paths[n], O_RDWR | O_CLOEXEC);
    if (fd < 0)
        die("%s: %s", paths[n], strerror(errno));
    return fd;
}

static char *map_file(int fd)
{
    char *at = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return at;
}

static char *map_and_close(int n)
{
    int fd = open_file(n);
    char *at = map_file(fd);
    close(fd);
    return at;
}

static bool is_socket(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int sockets(void)
{
    int n = 0;
    for (int fd = HIGH; fd < MOST; fd++)
        n += is_socket(fd);
    return n;
}

/* How many open files wait in sockets at 512 or above: net/unix/af_unix.c, unix_show_fdinfo. */
static int waiting(void)
{
    int n = 0;
    for (int fd = HIGH; fd < MOST; fd++) {
        char path[64], line[128];
        int here;
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
        FILE *f = is_socket(fd) ? fopen(path, "r") : NULL;
        while (f && fgets(line, sizeof line, f))
            if (sscanf(line, "scm_fds: %d", &here) == 1)
                n += here;
        if (f)
            fclose(f);
    }
    return n;
}

static void expect_waiting(int n, const char *when)
{
    int now = waiting();
    if (kept && now != n)
        die("%s: %d files wait in sockets, and not %d", when, now, n);
}

/* The last open of a writer has gone just now, or has not. */
static bool was_closed(void)
{
    char event[4096];
    return read(events, event, sizeof event) > 0;
}

static void expect_closed(bool closed, const char *when)
{
    if (was_closed() != closed)
        die("%s: the file %s closed", when, closed ? "is not" : "was");
}

/* A program that does it once has no descriptor more than before. */
static void once(void)
{
    char *at = map_and_close(0);
    expect_waiting(1, "a map");
    expect_closed(false, "a map");
    munmap(at, LEN);
    expect_closed(true, "its munmap");
    if (sockets())
        die("%d sockets stay after one map", sockets());
}

static void often(void)
{
    for (int i = 0; i < 200; i++) {
        char *at = map_and_close(i % 2), *more = map_and_close(1 - i % 2);
        expect_waiting(2, "two maps");
        expect_closed(false, "two maps");
        munmap(at, LEN);
        expect_closed(true, "the first munmap");
        expect_waiting(1, "the first munmap");
        munmap(more, LEN);
        expect_closed(true, "the second munmap");
        expect_waiting(0, "the second munmap");
        if (sockets() > 2)
            die("%d sockets stay after %d maps", sockets(), i);
    }
}

/* A lock of the process outlives its maps. The other open is never closed, or that would drop it. */
static void locks(void)
{
    int fd = open_file(0), other = open_file(0);
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_SETLK, &lock) < 0)
        die("F_SETLK: %s", strerror(errno));
    for (int i = 0; i < 200; i++) {
        char *at = map_file(fd);
        expect_waiting(1, "a map under a lock");
        munmap(at, LEN);
        struct flock seen = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        if (fcntl(other, F_OFD_GETLK, &seen) < 0 || seen.l_type != F_WRLCK ||
            seen.l_pid != getpid())
            die("the lock has gone after %d maps", i + 1);
    }
    if (fcntl(fd, F_GETSIG) != 0)
        die("the open file has signal %d", fcntl(fd, F_GETSIG));
    close(fd);
    close(other);
    while (was_closed()) {
    }
}

static void wait_for(pid_t child)
{
    int how;
    if (waitpid(child, &how, 0) != child || how != 0)
        die("the child ended with 0x%x", how);
}

static void tell(int fd)
{
    if (write(fd, "", 1) != 1)
        die("write");
}

static void hear(int fd)
{
    char byte;
    if (read(fd, &byte, 1) != 1)
        die("read");
}

/* The child has none of the files that wait. Each of the two lets go for itself, whoever comes first; and what one maps
 * later is its own. */
static void forks(bool child_first)
{
    int to[2], from[2];
    char *at = map_and_close(0);
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
        die("pipe");
    know_own();
    pid_t child = fork();
    if (child == 0) {
        expect_own("the child");
        alarm(60);
        hear(to[0]);
        char *more = map_and_close(1);
        expect_waiting(1, "the child's own map");
        munmap(more, LEN);
        munmap(at, LEN);
        expect_waiting(0, "the child, after its munmaps");
        if (sockets() > 2)
            die("%d sockets stay in the child", sockets());
        tell(from[1]);
        hear(to[0]);
        _exit(0);
    }
    if (child < 0)
        die("fork");
    if (child_first) {
        tell(to[1]);
        hear(from[0]);
        if (!was_closed()) /* the other file */
            die("the child's own map keeps its file open");
        expect_waiting(1, "the child's munmap");
    }
    for (int i = 0; i < 10; i++) {
        char *own = map_and_close(1);
        expect_waiting(2, "a map after the fork");
        munmap(own, LEN);
        expect_closed(true, "the munmap of a map after the fork");
        expect_waiting(1, "the munmap of a map after the fork");
    }
    munmap(at, LEN);
    expect_waiting(0, "the parent's munmap");
    if (!child_first) {
        expect_closed(false, "the parent's munmap");
        tell(to[1]);
        hear(from[0]);
    }
    expect_closed(true, "both munmaps");
    tell(to[1]);
    wait_for(child);
    for (int n = 0; n < 2; n++) {
        close(to[n]);
        close(from[n]);
    }
}

/* Nor has a child of the child, nor one past libc, from its first call of the library on. A child of vfork shares the
 * memory of its parent, whose files go on waiting. */
static void forks_otherwise(void)
{
    char *at = map_and_close(0), *more = map_and_close(1);
    know_own();
    pid_t child = fork();
    if (child == 0) {
        char *mine = map_and_close(0);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            expect_own("a child's child");
            _exit(0);
        }
        wait_for(grandchild);
        munmap(mine, LEN);
        _exit(0);
    }
    wait_for(child);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        munmap(mmap(NULL, LEN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), LEN);
        expect_own("a child past libc, after a call");
        _exit(0);
    }
    wait_for(child);
    child = vfork();
    if (child == 0)
        _exit(0);
    wait_for(child);
    expect_waiting(2, "a parent of three");
    munmap(at, LEN);
    munmap(more, LEN);
    expect_waiting(0, "a parent of three, after its munmaps");
    while (was_closed()) {
    }
}

/* The child's file waits again when the child maps it by the descriptor that it has. Its munmap leaves the mark of the
 * open file, which is its parent's: by it the parent knows the file. */
static void forks_open(void)
{
    int fd = open_file(0);
    char *at = map_file(fd);
    know_own();
    pid_t child = fork();
    if (child == 0) {
        expect_own("a child with the file open");
        char *more = map_file(fd);
        expect_waiting(1, "the child's second map");
        munmap(more, LEN);
        munmap(at, LEN);
        expect_waiting(0, "the child, after both munmaps");
        _exit(0);
    }
    wait_for(child);
    char *more = map_file(fd);
    munmap(at, LEN);
    expect_waiting(1, "the parent's second map, without the first");
    munmap(more, LEN);
    expect_waiting(0, "the parent, after both munmaps");
    if (fcntl(fd, F_GETSIG) != 0)
        die("the open file has signal %d after all", fcntl(fd, F_GETSIG));
    close(fd);
    while (was_closed()) {
    }
}

/* The child has nothing of what is open for the next file. */
static void forks_idle(void)
{
    munmap(map_and_close(0), LEN);
    expect_closed(true, "a munmap");
    know_own();
    pid_t child = fork();
    if (child == 0) {
        expect_own("a child without maps");
        _exit(0);
    }
    wait_for(child);
}

/* The program closes what it did not open, and has sockets of its own by those numbers. */
static void renumbered(bool while_mapped)
{
    int own[2], taken = 0;
    struct stat before, after;
    char byte, *at = map_and_close(0);
    if (!while_mapped)
        munmap(at, LEN);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, own) < 0)
        die("socketpair");
    for (int fd = HIGH; fd < MOST; fd++)
        if (is_socket(fd))
            dup2(own[taken++ % 2], fd);
    if (kept && !taken)
        die("the library has no sockets");
    tell(own[0]);
    tell(own[1]);
    fstat(own[0], &before);
    if (while_mapped)
        munmap(at, LEN);
    for (int i = 0; i < 10; i++)
        munmap(map_and_close(i % 2), LEN);
    for (int end = 0; end < 2; end++)
        if (recv(own[end], &byte, 1, 0) != 1 || recv(own[end], &byte, 1, 0) >= 0)
            die("another has read or written the program's socket");
    int left = 0;
    for (int fd = HIGH; fd < MOST; fd++)
        if (fstat(fd, &after) == 0 && S_ISSOCK(after.st_mode)) {
            struct stat other;
            fstat(own[1], &other);
            if (after.st_ino == before.st_ino || after.st_ino == other.st_ino) {
                left++;
                close(fd);
            }
        }
    if (left != taken)
        die("%d of the program's descriptors were closed", taken - left);
    close(own[0]);
    close(own[1]);
    while (was_closed()) {
    }
}

/* From the announcement of a filter on the library makes no calls: nothing waits for one, and no child gets anything. */
static void sandboxed(void)
{
    char *at = map_and_close(0);
    expect_waiting(1, "a map before a sandbox");
    know_own();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        die("prctl: %s", strerror(errno));
    expect_own("a sandboxed program");
    pid_t child = fork();
    if (child == 0) {
        expect_own("its child");
        _exit(0);
    }
    wait_for(child);
    expect_closed(false, "the sandbox");
    munmap(at, LEN);
    expect_closed(true, "a munmap in the sandbox");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        die("usage: parked FOLDER bare|kept");
    alarm(60); /* what waits for a process that has ended otherwise */
    kept = strcmp(argv[2], "kept") == 0;
    events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    for (int n = 0; n < 2; n++) {
        snprintf(paths[n], sizeof paths[n], "%s/%d", argv[1], n);
        int fd = open(paths[n], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, (off_t)LEN) < 0 || close(fd) < 0 ||
            inotify_add_watch(events, paths[n], IN_CLOSE_WRITE) < 0)
            die("%s: %s", paths[n], strerror(errno));
    }
    once();
    often();
    locks();
    forks(true);
    forks(false);
    often();
    forks_otherwise();
    forks_open();
    often();
    forks_idle();
    often();
    renumbered(true);
    often();
    renumbered(false);
    often();
    sandboxed();
    puts("ok");
    return 0;
}
