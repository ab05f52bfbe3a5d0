/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill_guest: what belongs to the program while pages of its files are spilled, or read as zeros.
 *
 *   spill_guest SCENE FOLDER    the disk of FOLDER is full
 *
 * Says ok and ends with 0, or says what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "look.h"

#define PAGE 4096UL
#define PAGES 64UL
#define RW (PROT_READ | PROT_WRITE)

static char path[512];
static int file;

static char *map_file(int fd)
{
    char *at = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return at;
}

static void wait_for(pid_t child)
{
    int how;
    if (waitpid(child, &how, 0) != child || how != 0)
        die("the child ended with 0x%x", how);
}

/* Another program, without the library. Its descriptors 3 and 4 are those. */
static pid_t run(const char *command, int third, int fourth)
{
    static char *environment[] = { NULL };
    char *const words[] = { "sh", "-c", (char *)command, "sh", path, NULL };
    posix_spawn_file_actions_t actions;
    pid_t child;
    posix_spawn_file_actions_init(&actions);
    if (third >= 0)
        posix_spawn_file_actions_adddup2(&actions, third, 3);
    if (fourth >= 0)
        posix_spawn_file_actions_adddup2(&actions, fourth, 4);
    if (posix_spawn(&child, "/bin/sh", &actions, NULL, words, environment) != 0)
        die("posix_spawn");
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static volatile sig_atomic_t asked, by;

static void on_lease(int sig)
{
    asked = 1;
    by = sig;
    fcntl(file, F_SETLEASE, F_UNLCK);
}

/* A lease of the program's own is asked back by the signal that the program waits for. */
static void own_lease(int wanted)
{
    if (wanted != SIGIO)
        fcntl(file, F_SETSIG, wanted);
    map_file(file);
    signal(wanted, on_lease);
    if (fcntl(file, F_SETLEASE, F_WRLCK) < 0)
        die("F_SETLEASE: %s", strerror(errno));
    pid_t child = run("exec 9<\"$1\"", -1, -1);
    for (int tries = 0; !asked && tries < 1000; tries++)
        usleep(10000);
    if (!asked)
        die("nobody has asked for the lease");
    if (by != wanted)
        die("signal %d has", (int)by);
    wait_for(child);
}

static void own_lease_sigio(void)
{
    own_lease(SIGIO);
}

static void own_lease_usr1(void)
{
    own_lease(SIGUSR1);
}

/* A file is closed with its last map, although an earlier open of it has its number by now. */
static void closed_in_time(void)
{
    char *first = map_file(file);
    int earlier = dup(file);
    close(file);
    munmap(first, PAGES * PAGE);

    int later = open(path, O_RDWR | O_CLOEXEC);
    if (earlier < 0 || later != file)
        die("the later open has descriptor %d and not %d", later, file);
    char *of_later = map_file(later);
    if (flock(later, LOCK_EX | LOCK_NB) < 0 || dup2(earlier, later) != later)
        die("flock, dup2: %s", strerror(errno));
    map_file(later);
    munmap(of_later, PAGES * PAGE);
    if (flock(earlier, LOCK_EX | LOCK_NB) < 0)
        die("the later open is not closed: %s", strerror(errno));
}

/* A program that was started, and not forked, has the file mapped by way of the same open. */
static void spawned(void)
{
    int told[2];
    char *at, byte;
    if (pipe2(told, O_CLOEXEC) < 0)
        die("pipe");
    char *const words[] = { "spill_guest", "holds", path, NULL };
    posix_spawn_file_actions_t actions;
    pid_t child;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, file, 3);
    posix_spawn_file_actions_adddup2(&actions, told[1], 4);
    at = map_file(file);
    if (posix_spawn(&child, "/proc/self/exe", &actions, NULL, words, environ) != 0 ||
        read(told[0], &byte, 1) != 1)
        die("posix_spawn");
    for (size_t i = 0; i < PAGES; i++)
        at[i * PAGE] = (char)(i + 1);
    kill(child, SIGTERM);
}

static void holds(void)
{
    volatile char *at = map_file(3);
    (void)at[0];
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* before the other goes on, and dies */
    if (write(4, "", 1) != 1)
        die("write");
    sleep(600);
}

/* No thread and no process may be made from here on. */
static void filter(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { sizeof code / sizeof *code, code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        die("seccomp: %s", strerror(errno));
}

/* The file is opened by others when the program has sandboxed itself. */
static void sandboxed(void)
{
    int start[2];
    char *at = map_file(file);
    at[0] = 1;
    if (pipe2(start, O_CLOEXEC) < 0)
        die("pipe");
    pid_t child = run("read line <&3; exec 9<\"$1\"", start[0], -1);
    filter();
    if (write(start[1], "\n", 1) != 1)
        die("write");
    wait_for(child);
    if (at[0] != 1)
        die("the store is gone");
    /* What could not go back before is told, until something else lies there. */
    for (int times = 0; times < 2; times++)
        if (msync(at, PAGES * PAGE, MS_SYNC) == 0 || errno != ENOSPC)
            die("msync says %s of what stays spilled",
                times ? "nothing the second time" : "nothing");
    if (munmap(at, PAGES * PAGE) < 0 ||
        mmap(at, PAGES * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0) != at)
        die("mmap: %s", strerror(errno));
    if (msync(at, PAGES * PAGE, MS_SYNC) < 0)
        die("msync of another map: %s", strerror(errno));
}

/* A timer runs, by which the library tries again to write back; this program has none. It is looked for twice:
 * its signal is handled when the first call returns, and may set it again. */
static bool tries_later(void)
{
    for (int times = 0; times < 2; times++) {
        struct itimerspec left = { { 0, 0 }, { 0, 0 } };
        if (syscall(SYS_timer_gettime, 0, &left) == 0 &&
            (left.it_value.tv_sec || left.it_value.tv_nsec))
            return true;
    }
    return false;
}

/*
 * Others open the file, and wait until the kernel has lost its patience (fs.lease-break-time). From then on
 * nothing is written behind their back, though there is space, also if the program asks for it. The program is
 * stopped meanwhile, or it is not.
 */
static void behind(const char *opens, const char *before, const char *after)
{
    char command[1024], byte = 0;
    int look[2], opened[2];
    char *at = map_file(file);
    at[0] = 1;
    if (pipe2(look, O_CLOEXEC) < 0 || pipe2(opened, O_CLOEXEC) < 0)
        die("pipe");
    snprintf(
        command, sizeof command,
        "%s exec 9%s\"$1\"; rm \"${1%%/*}\"/others.*; sync -f \"$1\"; %s echo >&4; read line <&3; "
        "test \"$(head -c 1 <&9 | od -A n -t d1 | tr -d ' ')\" = 0",
        before, opens, after);
    pid_t child = run(command, look[0], opened[1]);
    close(opened[1]);
    if (read(opened[0], &byte, 1) != 1)
        die("the other process has not opened the file");
    if (msync(at, PAGES * PAGE, MS_SYNC) == 0 || errno != ENOSPC)
        die("msync says nothing of what stays spilled");
    for (int tries = 0; tries_later(); tries++) {
        if (tries == 6000)
            die("the library goes on trying");
        usleep(10000);
    }
    if (write(look[1], "\n", 1) != 1)
        die("write");
    wait_for(child);
    if (msync(at, PAGES * PAGE, MS_SYNC) < 0)
        die("msync: %s", strerror(errno));
    if (pread(file, &byte, 1, 0) != 1 || byte != 1)
        die("the store is not in the file");
}

static void reader(void)
{
    behind("<", "", "");
}

static void writer(void)
{
    behind("<>", "", "");
}

static void stopped(void)
{
    behind("<>", "kill -STOP $PPID;", "kill -CONT $PPID;");
}

/* The kernel delays a process that opens the file (proc_pid_fdinfo(5)). */
static bool is_asked_for(void)
{
    char name[64], text[8192];
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", file);
    FILE *info = fopen(name, "r");
    size_t len = info ? fread(text, 1, sizeof text - 1, info) : 0;
    if (info)
        fclose(info);
    text[len] = '\0';
    return strstr(text, "BREAKING");
}

/* The open file has many locks, which the kernel lists before the lease. */
static void many_locks(void)
{
    char *at = map_file(file);
    for (long i = 0; i < 40; i++) {
        struct flock one = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2 * i, .l_len = 1
        };
        if (fcntl(file, F_OFD_SETLK, &one) < 0)
            die("a lock: %s", strerror(errno));
    }
    at[0] = 1;
    pid_t reader =
        run("exec 9<\"$1\"; test \"$(head -c 1 <&9 | od -A n -t d1 | tr -d ' ')\" = 1", -1, -1);
    while (!is_asked_for()) {
        siginfo_t ended = { .si_pid = 0 };
        if (waitid(P_PID, (id_t)reader, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid)
            break;
        usleep(1000);
    }
    wait_for(run("rm \"${1%/*}\"/others.*; sync -f \"${1%/*}\"", -1, -1));
    wait_for(reader);
    if (msync(at, PAGES * PAGE, MS_SYNC) < 0)
        die("msync: %s", strerror(errno));
}

static char *lost_part(void)
{
    char *at = map_file(file);
    if (ftruncate(file, 1) < 0 || ((volatile char *)at)[PAGE] != 0)
        die("no zeros: %s", strerror(errno));
    return at;
}

/* The program closes what it did not open, and opens files of its own by those numbers. */
static void renumbered(void)
{
    int pipes[2];
    char byte = 0;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        die("pipe");
    char *at = lost_part();
    int zeros = -1;
    for (int fd = 512; fd < 600; fd++) /* what the library has there */
        if (fcntl(fd, F_GETFD) >= 0) {
            zeros = fd;
            close(fd);
            dup2(pipes[0], fd);
        }
    if (zeros < 0)
        puts("nothing was open there");
    if (write(pipes[1], "x", 1) != 1 || ftruncate(file, (off_t)(PAGES * PAGE)) < 0)
        die("%s", strerror(errno));
    msync(at, PAGES * PAGE, MS_SYNC);
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    if (zeros >= 0 && fcntl(zeros, F_GETFD) < 0)
        die("descriptor %d was closed", zeros);
    if (read(pipes[0], &byte, 1) != 1 || byte != 'x')
        die("another has read the pipe");
}

/* The file grows again in many steps, each of which is told. */
static void regrown(void)
{
    for (unsigned round = 0; round < 200; round++) {
        char *at = lost_part();
        pid_t child = fork();
        if (!child) {
            for (size_t i = 1; i <= PAGES; i++)
                if (ftruncate(file, (off_t)(i * PAGE)) < 0)
                    _exit(1);
            _exit(0);
        }
        wait_for(child);
        munmap(at, PAGES * PAGE);
    }
}

/* The file grows again when the program has sandboxed itself. */
static void regrown_sandboxed(void)
{
    int start[2];
    if (pipe2(start, O_CLOEXEC) < 0)
        die("pipe");
    char *at = lost_part();
    pid_t child = run("read line <&3; truncate -s 262144 \"$1\"", start[0], -1);
    filter();
    if (write(start[1], "\n", 1) != 1)
        die("write");
    wait_for(child);
    if (((volatile char *)at)[PAGE] != 0)
        die("page 1 is wrong");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        void (*run)(void);
    } scenes[] = {
        { "own-lease", own_lease_sigio },
        { "own-lease-usr1", own_lease_usr1 },
        { "spawned", spawned },
        { "sandboxed", sandboxed },
        { "closed-in-time", closed_in_time },
        { "many-locks", many_locks },
        { "renumbered", renumbered },
        { "regrown", regrown },
        { "regrown-sandboxed", regrown_sandboxed },
        { "reader", reader },
        { "writer", writer },
        { "stopped", stopped },
    };
    if (argc != 3)
        die("usage: spill_guest SCENE FOLDER");
    if (strcmp(argv[1], "holds") == 0) {
        holds();
        return 0;
    }
    snprintf(path, sizeof path, "%s/file", argv[2]);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)(PAGES * PAGE)) < 0)
        die("%s: %s", path, strerror(errno));
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++)
        if (strcmp(argv[1], scenes[i].word) == 0) {
            scenes[i].run();
            puts("ok");
            return 0;
        }
    die("no scene %s", argv[1]);
}
