/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * filter: see filter.h.
 */
#define _GNU_SOURCE
#include "disk/filter.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kernel/sys.h"
#include "kernel/trial.h"
#include "tell/log.h"

#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, Linux 5.14 */

static long lives(void *unused)
{
    (void)unused;
    return 1;
}

/* Does what parked.c does with an open file, with sockets of its own. False: it would not work. */
static bool keeps_files(void)
{
    int pair[2];
    if (sys_socketpair(pair) < 0 || sys_send_file(pair[1], pair[0]) < 0 ||
        sys_peek_file(pair[0]) < 0 || sys_drop_file(pair[0]) < 0)
        return false;
    return sys_apart(lives, NULL) == 1; /* a filter may kill that thread alone */
}

/* A filter sees the number of a call and its arguments, but no memory. So a call that fails for a
 * descriptor that does not exist, or for an empty name, shows as much as another, and changes
 * nothing. */
static void make_calls(void)
{
    static const int commands[] = { F_GETLEASE, F_SETLEASE, F_GETSIG,       F_SETSIG,
                                    F_GETOWN,   F_SETOWN,   F_DUPFD_CLOEXEC };
    static char room[64];
    struct stat st;
    struct sys_action action;
    struct sys_space space;
    int word = 0, timer;
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
        sys_fcntl(-1, commands[i], 0);
    sys_open("", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    sys_open("", O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
    sys_open("", O_RDONLY | O_DIRECTORY, 0);
    sys_stat("", &st);
    sys_fstat(-1, &st);
    sys_fstatfs(-1, &space);
    sys_statfs("", &space);
    sys_readlink("", room, sizeof room);
    sys_unlink("");
    sys_getdents(-1, room, sizeof room);
    sys_read(-1, room, sizeof room);
    sys_pread(-1, room, sizeof room, 0);
    sys_write(-1, room, sizeof room);
    sys_pwrite(-1, room, sizeof room, 0);
    sys_lseek(-1, 0, SEEK_SET);
    sys_ioctl(-1, 0, NULL);
    sys_ioctl(-1, FS_IOC_GETVERSION, NULL);
    sys_fallocate(-1, 0, 0, 0);
    sys_fallocate(-1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 0);
    sys_flock(-1, LOCK_EX);
    sys_close(-1);
    sys_mmap(0, 0, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, -1, 0);
    sys_mmap(0, 0, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sys_mremap(0, 0, 0, MREMAP_MAYMOVE, 0);
    sys_mremap(0, 0, 0, MREMAP_MAYMOVE | MREMAP_FIXED, 0);
    sys_mprotect(0, 0, PROT_READ | PROT_WRITE);
    sys_madvise(0, 0, POPULATE_WRITE);
    sys_munmap(0, 0);
    sys_sigaction(SIGURG, NULL, &action);
    sys_sigaltstack(NULL, NULL);
    if (sys_timer_create(SIGURG, &timer) == 0)
        sys_timer_set(timer, 0);
    sys_futex_wait(&word, 1);
    sys_futex_wake(&word, 1);
    sys_getrandom(room, 0);
    sys_rlimit(0);
    sys_getpid();
    sys_gettid();
    sys_now_ms();
    sys_nap(0);
}

/* Runs in the child. */
static bool spills(void)
{
    make_calls();
    return keeps_files();
}

static struct trial spilling = { .calls = spills };

bool filter_passes(void)
{
    return trial_passes(&spilling);
}

bool filter_refuses(void)
{
    return trial_refuses(&spilling);
}

/* The line comes first, because the filter may kill the process for the clone. */
static void ask(enum log_level level)
{
    log_line_at(
        level, EVENT_filter,
        "the process was started under a seccomp filter, which may kill for calls that it does "
        "not expect: a child makes the calls of spilling first");
    trial_run(&spilling);
}

bool filter_ask(bool dies)
{
    if (trial_due(&spilling, dies))
        ask(LOG_WARNING);
    return filter_passes();
}

void filter_ask_at_start(void)
{
    if (trial_due(&spilling, true))
        ask(LOG_INFO);
}
