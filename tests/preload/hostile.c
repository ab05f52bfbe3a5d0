/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * hostile: a small program for bad conditions. What it says and how it ends must not depend on a
 * library that was preloaded into it.
 *
 *   work FILE             maps FILE in chunks, stores, reads back, syncs, says what it found; ends
 *                         with 7
 *   count N               makes N maps and unmaps them; ends with 7
 *   sandbox HOW FILE      forbids itself all but what work calls, on pain of death, then works;
 *                         HOW: prctl, or seccomp (no_new_privs by prctl, the filter by system
 *                         call, as libseccomp does)
 *   deny CALL ERROR COMMAND...  runs a command to which that system call fails with the error; ERROR
 *                         "kill": it dies of it; "trap": of the signal SIGSYS; "wait": it waits
 *                         for a process that never answers
 *   calls                 names the calls that deny knows
 *   ours                  ends with 7 if the library is in it
 *   stderr FILE N         closes descriptor 2, opens FILE, which becomes it; then as count
 *
 * With HOSTILE_OURS in the environment it ends with 8 if the library is not in it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mapherd/mapherd.h"

enum { PAGE = 4096, CHUNK = 2 * PAGE, WORKED = 7, NOT_OURS = 8 };

static _Noreturn void die(const char *what)
{
    dprintf(2, "hostile: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Only calls that filter_self allows: no stdio, no allocation. */
static int work_on(int fd, unsigned chunks)
{
    static char *at[64];
    uint64_t sum = 0, found;
    for (unsigned i = 0; i < chunks; i++) {
        at[i] = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)i * CHUNK);
        if (at[i] == MAP_FAILED)
            return 1;
        *(volatile uint64_t *)(at[i] + PAGE) = i * 0x9e3779b97f4a7c15u;
    }
    for (unsigned i = 0; i < chunks; i++) {
        if (pread(fd, &found, sizeof found, (off_t)i * CHUNK + PAGE) != sizeof found)
            return 2;
        sum = sum * 31 + found + *(volatile uint64_t *)(at[i] + PAGE);
        sum += msync(at[i], CHUNK, MS_SYNC) ? (unsigned)errno : 0;
        if (munmap(at[i], CHUNK))
            return 3;
    }
    char text[] = "sum ................\n";
    for (unsigned i = 0; i < 16; i++)
        text[4 + i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15];
    if (write(1, text, sizeof text - 1) < 0)
        return 4;
    return WORKED;
}

static int open_for_work(const char *path, unsigned *chunks)
{
    struct stat st;
    int fd = open(path, O_RDWR);
    if (fd < 0 || fstat(fd, &st))
        die(path);
    *chunks = (unsigned)(st.st_size / CHUNK);
    if (*chunks > 64)
        *chunks = 64;
    return fd;
}

static int make_maps(const char *number)
{
    static char *at[10000];
    unsigned count = (unsigned)atoi(number);
    if (count > sizeof at / sizeof at[0])
        return 1;
    for (unsigned i = 0; i < count; i++) {
        at[i] = mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at[i] == MAP_FAILED)
            die("mmap");
    }
    for (unsigned i = 0; i < count; i++)
        if (munmap(at[i], PAGE))
            die("munmap");
    return WORKED;
}

#define ALLOW(nr) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* How: prctl; seccomp, libc's syscall() after prctl; syscall, both by syscall(); root, by one
 * syscall(), for which a process needs CAP_SYS_ADMIN. */
static void filter_self(const char *how)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_mmap),
        ALLOW(SYS_munmap),
        ALLOW(SYS_pread64),
        ALLOW(SYS_write),
        ALLOW(SYS_msync),
        ALLOW(SYS_exit_group),
        ALLOW(SYS_rt_sigreturn),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = { sizeof code / sizeof code[0], code };
    int by_syscall = !strcmp(how, "syscall");
    if (strcmp(how, "root") &&
        (by_syscall ? (int)syscall(SYS_prctl, (long)PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L)
                    : prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L)))
        die("no_new_privs");
    if (!strcmp(how, "prctl")
            ? prctl(PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &program, 0L, 0L)
            : (int)syscall(SYS_seccomp, (long)SECCOMP_SET_MODE_FILTER, 0L, &program))
        die("seccomp");
}

/* Everything that src/kernel/sys.c can ask of the kernel, as far as a program can live without. */
static const struct {
    const char *name;
    unsigned nr;
} deniable[] = {
    { "mremap", SYS_mremap },
    { "mprotect", SYS_mprotect },
    { "pkey_mprotect", SYS_pkey_mprotect },
    { "madvise", SYS_madvise },
    { "msync", SYS_msync },
    { "mlock", SYS_mlock },
    { "mlock2", SYS_mlock2 },
    { "openat", SYS_openat },
    { "close", SYS_close },
    { "read", SYS_read },
    { "write", SYS_write },
    { "newfstatat", SYS_newfstatat },
    { "fstat", SYS_fstat },
    { "fstatfs", SYS_fstatfs },
    { "fcntl", SYS_fcntl },
    { "ftruncate", SYS_ftruncate },
    { "flock", SYS_flock },
    { "ppoll", SYS_ppoll },
    { "getpid", SYS_getpid },
    { "gettid", SYS_gettid },
    { "prctl", SYS_prctl },
    { "getrandom", SYS_getrandom },
    { "prlimit64", SYS_prlimit64 },
    { "futex", SYS_futex },
    { "rt_sigprocmask", SYS_rt_sigprocmask },
    { "rt_sigpending", SYS_rt_sigpending },
    { "rt_sigtimedwait", SYS_rt_sigtimedwait },
    { "clock_gettime", SYS_clock_gettime },
    { "ioctl", SYS_ioctl },
    { "munmap", SYS_munmap },
    { "readlinkat", SYS_readlinkat },
    { "cachestat", 451 },
    { "quotactl_fd", 443 },
    { "socketpair", SYS_socketpair },
    { "sendmsg", SYS_sendmsg },
    { "recvmsg", SYS_recvmsg },
    { "clone", SYS_clone },
    { "kcmp", SYS_kcmp },
    { "timer_create", SYS_timer_create },
    { "setitimer", SYS_setitimer },
    { "wait4", SYS_wait4 },
    { "fallocate", SYS_fallocate },
    { "pwrite64", SYS_pwrite64 },
    { "memfd_create", SYS_memfd_create },
    { "dup3", SYS_dup3 },
    { "process_vm_readv", SYS_process_vm_readv },
    { "get_robust_list", SYS_get_robust_list },
    { "capset", SYS_capset },
    { "close_range", SYS_close_range },
    { "process_vm_readv", SYS_process_vm_readv },
    { "fchmod", SYS_fchmod },
};
enum { DENIABLE = sizeof deniable / sizeof deniable[0] };

static int run_denied(const char *call, const char *error, char **command)
{
    bool waits = !strcmp(error, "wait");
    unsigned nr = ~0u, answer = waits                    ? SECCOMP_RET_USER_NOTIF
                                : !strcmp(error, "trap") ? SECCOMP_RET_TRAP
                                : !strcmp(error, "kill")
                                    ? SECCOMP_RET_KILL_PROCESS
                                    : SECCOMP_RET_ERRNO | (unsigned)atoi(error);
    for (unsigned i = 0; i < DENIABLE; i++)
        if (!strcmp(deniable[i].name, call))
            nr = deniable[i].nr;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof code[0], code };
    long flags = waits ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, listener;
    if (nr == ~0u || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) ||
        (listener = syscall(SYS_seccomp, (long)SECCOMP_SET_MODE_FILTER, flags, &program)) < 0 ||
        (waits &&
         fcntl((int)listener, F_SETFD, 0) < 0)) /* the command keeps it, and does not read it */
        die("cannot filter");
    execvp(command[0], command);
    die(command[0]);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    unsigned chunks;
    if (getenv("HOSTILE_OURS") && !mapherd_status)
        return NOT_OURS;
    if (!strcmp(verb, "work") && argc == 3) {
        int fd = open_for_work(argv[2], &chunks);
        return work_on(fd, chunks);
    }
    if (!strcmp(verb, "ours"))
        return mapherd_status ? WORKED : NOT_OURS;
    if (!strcmp(verb, "count") && argc == 3)
        return make_maps(argv[2]);
    if (!strcmp(verb, "sandbox") && argc == 4) {
        int fd = open_for_work(argv[3], &chunks);
        filter_self(argv[2]);
        _exit(work_on(fd, chunks));
    }
    if (!strcmp(verb, "deny") && argc > 4)
        return run_denied(argv[2], argv[3], argv + 4);
    if (!strcmp(verb, "calls")) {
        for (unsigned i = 0; i < DENIABLE; i++)
            puts(deniable[i].name);
        return 0;
    }
    if (!strcmp(verb, "stderr") && argc == 4) {
        close(2);
        if (open(argv[2], O_RDWR) != 2)
            return 1;
        return make_maps(argv[3]);
    }
    fputs("usage: hostile work|count|sandbox|deny|calls|ours|stderr ...\n", stderr);
    return 2;
}
