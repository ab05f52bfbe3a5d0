/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill_granted: what spilling needs, where it is not granted: descriptors, VMAs, address space, an
 * inode that tells the file from others, a lease that no other process gives back.
 *
 *   spill_granted SCENE FOLDER    the disk of FOLDER is full
 *
 * Says ok and ends with 0, or says what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../raw.h"
#include "locks.h"
#include "look.h"

#define PAGE 4096UL
#define PAGES 1024UL
#define RW (PROT_READ | PROT_WRITE)

static const char *folder;
static int file;

static char *map_file(int fd)
{
    char *at = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return at;
}

/* The others on the disk give their space back, when a byte comes through the pipe. The process that
 * does it stays root, and has no memory of this one. */
static int space_pipe;
static pid_t space_giver;

static void start_space_giver(void)
{
    static char *none[] = { NULL };
    char command[1024];
    char *const words[] = { "sh", "-c", command, NULL };
    int ends[2];
    posix_spawn_file_actions_t actions;
    snprintf(command, sizeof command,
             "read line; rm '%s'/others.* '%s'/../others.* 2>/dev/null; sync -f '%s'", folder,
             folder, folder);
    posix_spawn_file_actions_init(&actions);
    if (pipe2(ends, O_CLOEXEC) < 0 || posix_spawn_file_actions_adddup2(&actions, ends[0], 0) != 0 ||
        posix_spawn(&space_giver, "/bin/sh", &actions, NULL, words, none) != 0)
        die("no process that gives space");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    space_pipe = ends[1];
}

static void give_space(void)
{
    int how;
    if (!space_giver)
        start_space_giver();
    if (write(space_pipe, "\n", 1) != 1 || waitpid(space_giver, &how, 0) != space_giver || how != 0)
        die("no space was given");
}

/* One descriptor is free when what is spilled could go back: it goes back later, and nothing is lost. */
static void one_descriptor(void)
{
    int opened[64], count = 0;
    char *at = map_file(file), byte;
    for (size_t i = 0; i < 64; i++)
        at[i * PAGE] = (char)(i + 1);
    give_space();
    const struct rlimit few = { 64, 64 };
    setrlimit(RLIMIT_NOFILE, &few);
    while (count < 64 && (opened[count] = open("/dev/null", O_RDONLY)) >= 0)
        count++;
    if (!count)
        die("no descriptor was free");
    close(opened[--count]);
    msync(at, PAGES * PAGE, MS_SYNC);
    for (size_t i = 0; i < 64; i++)
        if (at[i * PAGE] != (char)(i + 1))
            die("page %zu has %d", i, at[i * PAGE]);
    while (count)
        close(opened[--count]);
    if (msync(at, PAGES * PAGE, MS_SYNC) < 0)
        die("msync: %s", strerror(errno));
    for (size_t i = 0; i < 64; i++)
        if (pread(file, &byte, 1, (off_t)(i * PAGE)) != 1 || byte != (char)(i + 1))
            die("page %zu of the file has %d", i, byte);
}

static sigjmp_buf back;

static void on_fault(int sig)
{
    (void)sig;
    siglongjmp(back, 1);
}

static bool can_store(char *at, char value)
{
    if (sigsetjmp(back, 1))
        return false;
    *(volatile char *)at = value;
    return true;
}

static bool can_read(const char *at, char value)
{
    if (sigsetjmp(back, 1))
        return false;
    return *(const volatile char *)at == value;
}

/* Every second page of a range is another VMA, as far as the kernel goes. No hook sees these calls. */
static char *many;
static size_t pairs;
static bool more(bool add)
{
    char *page = many + (2 * (add ? pairs : pairs - 1) + 1) * PAGE;
    if (raw(SYS_mprotect, page, PAGE, add ? PROT_READ : PROT_NONE) < 0)
        return false;
    pairs += add ? 1 : (size_t)-1;
    return true;
}

/* Stores to pages far apart, while so few VMAs are free that one step of the switch may be the last. */
static void few_vmas(void)
{
    enum { STEPS = 16, APART = PAGES / STEPS };
    const size_t most = 2 * 1000 * 1000;
    char *at = map_file(file);
    char value[PAGES] = { 0 };
    unsigned refused = 0, stored = 0;
    signal(SIGBUS, on_fault);
    at[0] = value[0] = 1; /* the first overlay is there */
    many = (char *)raw(SYS_mmap, NULL, most * PAGE, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (many == MAP_FAILED)
        die("no address space");
    for (size_t step = 1; step < STEPS; step++) {
        while (pairs < most / 2 - 1 && more(true))
            ;
        if (pairs == most / 2 - 1)
            die("the limit is too high for this test");
        for (size_t free = 0; free < step / 2; free++)
            more(false);
        char *odd = MAP_FAILED;
        if (step % 2 == 0) /* one less is free */
            odd = (char *)raw(SYS_mmap, NULL, PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        for (size_t page = step * APART; page < (step + 1) * APART; page += APART / 2) {
            bool done = can_store(at + page * PAGE, (char)(page % 100 + 1));
            value[page] = done ? (char)(page % 100 + 1) : 0;
            stored += done;
            refused += !done;
        }
        while (pairs)
            more(false);
        if (odd != MAP_FAILED)
            raw(SYS_munmap, odd, PAGE);
        for (size_t page = 0; page < PAGES; page++)
            if (!can_read(at + page * PAGE, value[page]))
                die("with %zu VMAs free page %zu is not what it was", step - 1, page);
    }
    if (!refused || !stored)
        die("%u stores were refused, and %u not", refused, stored);
    for (size_t page = 0; page < PAGES; page++)
        if (!can_store(at + page * PAGE, 7))
            die("page %zu takes no store any more", page);
    give_space();
}

/* The first store without space finds no address space for the library's lists. */
static void no_address_space(void)
{
    char *at = map_file(file);
    const rlim_t size = (rlim_t)(look_status("VmSize:") + 256) << 10;
    const struct rlimit little = { size, size };
    if (setrlimit(RLIMIT_AS, &little) < 0)
        die("RLIMIT_AS");
    at[0] = 1;
    die("the store has found space");
}

/* A file of another subvolume has the same inode, and the list of VMAs shows the same device. Both
 * files are mapped. The one with spilled pages is FOLDER/file; the other one is full of 'b'. */
static void twins(void)
{
    char path[512];
    struct stat one, two;
    snprintf(path, sizeof path, "%s/../b/file", folder);
    int other = open(path, O_RDWR | O_CLOEXEC);
    if (other < 0 || fstat(file, &one) < 0 || fstat(other, &two) < 0)
        die("%s: %s", path, strerror(errno));
    if (one.st_ino != two.st_ino || one.st_dev == two.st_dev)
        die("the files are no twins");
    char *theirs = map_file(other), *at = map_file(file);
    for (size_t i = 0; i < 64; i++)
        at[i * PAGE] = 1;
    for (size_t i = 0; i < 64; i++)
        if (theirs[i * PAGE] != 'b')
            die("page %zu of the other file has %d", i, theirs[i * PAGE]);
    char *again = map_file(other);
    char *moved = mremap(again, PAGES * PAGE, PAGES * PAGE + PAGE, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED)
        die("mremap: %s", strerror(errno));
    for (size_t i = 0; i < 64; i++)
        if (moved[i * PAGE] != 'b')
            die("page %zu of a moved map of the other file has %d", i, moved[i * PAGE]);
    if (ftruncate(other, 0) < 0)
        die("ftruncate: %s", strerror(errno));
    for (size_t i = 0; i < 64; i++)
        if (at[i * PAGE] != 1)
            die("page %zu has %d since the other file was truncated", i, at[i * PAGE]);
    give_space();
}

/* The kernel has a write lease of this process on the file. */
static bool is_leased(void)
{
    struct stat st;
    return fstat(file, &st) == 0 && holds_lock(getpid(), &st, "LEASE");
}

/* No call may be made from here on but those that sandboxed programs make. */
static void sandbox(void)
{
    struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    const struct sock_fprog program = { 1, code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(2);
}

static void in_child(void (*what)(void))
{
    int how;
    pid_t child = fork();
    if (child == 0) {
        what();
        exit(0);
    }
    if (child < 0 || waitpid(child, &how, 0) != child || how != 0)
        die("the child ended with 0x%x", how);
}

static void nothing(void)
{
}

/* What a forked child does with its spilled pages leaves its parent the lease. */
static void child_with_lease(void)
{
    char *at = map_file(file);
    at[0] = 1;
    if (!is_leased())
        die("the file has no lease");
    in_child(nothing);
    if (!is_leased())
        die("the lease went with the child");
    in_child(sandbox);
    if (!is_leased())
        die("the sandboxed child has given the lease back");
    give_space();
}

/* Another user than root, whom a limit on processes binds. */
static void become_another(void)
{
    const uid_t user = 12345;
    if (fchown(file, user, user) < 0 || setresgid(user, user, user) < 0 ||
        setresuid(user, user, user) < 0)
        die("setresuid: %s", strerror(errno));
}

static void limit_processes(rlim_t most)
{
    const struct rlimit limit = { most, 1000 };
    if (setrlimit(RLIMIT_NPROC, &limit) < 0)
        die("RLIMIT_NPROC: %s", strerror(errno));
}

/* A fork has failed before: no child shares the file. */
static void failed_fork(void)
{
    char *at = map_file(file);
    become_another();
    limit_processes(1);
    errno = 0;
    if (fork() >= 0 || errno != EAGAIN)
        die("the fork has not failed: %s", strerror(errno));
    limit_processes(1000);
    at[0] = 1;
    errno = 77;
    pid_t child = fork();
    if (child == 0)
        _exit(errno == 77 ? 0 : 1);
    int how;
    if (errno != 77 || waitpid(child, &how, 0) != child || how != 0)
        die("errno is %d after a fork", errno);
    if (at[0] != 1)
        die("the store is gone");
}

/* No thread can be made to ask for the lease. */
static void no_thread(void)
{
    char *at = map_file(file);
    become_another();
    limit_processes(1);
    at[0] = 1;
    die("the store has found space");
}

/* The lease cannot be asked about for a while: the pages stay, and go back afterwards. */
static void no_thread_later(void)
{
    char *at = map_file(file), byte;
    start_space_giver();
    become_another();
    at[0] = 1;
    limit_processes(1);
    give_space();
    if (msync(at, PAGE, MS_SYNC) == 0)
        die("msync says that the page is in the file");
    limit_processes(1000);
    if (at[0] != 1)
        die("the store is gone");
    if (msync(at, PAGE, MS_SYNC) < 0 || pread(file, &byte, 1, 0) != 1 || byte != 1)
        die("the page did not go back: %s", strerror(errno));
}

/* /proc numbers the processes of this PID namespace in another way. A child that maps the file sees
 * what is stored after the page has gone back. */
static void child_sees(void)
{
    int to[2], from[2];
    char *at = map_file(file), byte;
    if (pipe(to) < 0 || pipe(from) < 0)
        die("pipe");
    at[0] = 1;
    pid_t child = fork();
    if (child == 0) {
        if (read(to[0], &byte, 1) != 1)
            _exit(2);
        byte = ((volatile char *)at)[0];
        _exit(write(from[1], &byte, 1) == 1 ? 0 : 3);
    }
    give_space();
    if (msync(at, PAGES * PAGE, MS_SYNC) < 0)
        die("msync: %s", strerror(errno));
    ((volatile char *)at)[0] = 9;
    if (write(to[1], "", 1) != 1 || read(from[0], &byte, 1) != 1)
        die("the child does not answer");
    if (byte != 9)
        die("the child sees %d", byte);
}

/* The process makes no system calls from here on but those of this list: what fork and the end of
 * a process need. The kernel kills it for any other. */
static void only_fork(void)
{
#define ALLOW(name)                                        \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(clone),
        ALLOW(clone3),
        ALLOW(set_robust_list),
        ALLOW(rseq),
        ALLOW(wait4),
        ALLOW(exit_group),
        ALLOW(rt_sigreturn),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const struct sock_fprog program = { sizeof code / sizeof *code, code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        die("seccomp: %s", strerror(errno));
}

static void fork_in_sandbox(void)
{
    char *at = map_file(file);
    at[0] = 1;
    only_fork();
    int how = 1;
    pid_t child = fork();
    if (child == 0)
        _exit(3);
    if (child < 0 || waitpid(child, &how, 0) != child)
        _exit(4);
    _exit(WIFEXITED(how) ? WEXITSTATUS(how) : 5);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        void (*run)(void);
    } scenes[] = {
        { "one-descriptor", one_descriptor },
        { "few-vmas", few_vmas },
        { "no-address-space", no_address_space },
        { "twins", twins },
        { "child-with-lease", child_with_lease },
        { "failed-fork", failed_fork },
        { "no-thread", no_thread },
        { "no-thread-later", no_thread_later },
        { "child-sees", child_sees },
        { "fork-in-sandbox", fork_in_sandbox },
    };
    char path[512];
    if (argc != 3)
        die("usage: spill_granted SCENE FOLDER");
    folder = argv[2];
    snprintf(path, sizeof path, "%s/file", folder);
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
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
