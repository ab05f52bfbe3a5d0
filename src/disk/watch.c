/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * watch: see watch.h.
 */
#define _GNU_SOURCE
#include "disk/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "kernel/brief.h"
#include "kernel/sys.h"

#ifndef SI_SIGIO
#define SI_SIGIO (-5) /* what si_code is for signals that have codes of their own (fs/fcntl.c) */
#endif

static int queue = -1;
static bool used; /* there was a descriptor: a signal of it may be pending */

/* The program may have closed it, and may have a file of its own at that number. */
static bool is_ours(int fd)
{
    return fd >= 0 && sys_fcntl(fd, F_GETSIG, 0) == SIGBUS;
}

static long start(void)
{
    long fd = high_move(sys_inotify(IN_CLOEXEC | IN_NONBLOCK));
    if (fd < 0)
        return fd;
    long answer = sys_fcntl((int)fd, F_SETOWN, (uintptr_t)sys_getpid());
    if (answer >= 0)
        answer = sys_fcntl((int)fd, F_SETSIG, SIGBUS);
    if (answer >= 0)
        answer = sys_fcntl((int)fd, F_SETFL, O_NONBLOCK | O_ASYNC);
    if (answer < 0) {
        sys_close((int)fd);
        return answer;
    }
    __atomic_store_n(&used, true, __ATOMIC_RELEASE);
    queue = (int)fd;
    return 0;
}

long watch_file(const char *path, dev_t dev, uint64_t ino)
{
    struct stat st;
    long answer = is_ours(queue) ? 0 : start();
    long watch = answer == 0 ? sys_inotify_add(queue, path, IN_MODIFY) : answer;
    if (watch < 0)
        return watch;
    answer = sys_stat(path, &st);
    if (answer == 0 && (st.st_dev != dev || st.st_ino != ino))
        answer = -ESTALE;
    if (answer == 0)
        return watch;
    watch_forget(watch);
    return answer;
}

void watch_forget(long watch)
{
    if (is_ours(queue))
        sys_inotify_remove(queue, watch);
}

bool watch_signal(const siginfo_t *info)
{
    return info->si_code == SI_SIGIO && __atomic_load_n(&used, __ATOMIC_ACQUIRE);
}

/* Written by the owner of the overlay lock alone. */
static siginfo_t missed;
static bool is_missed;

void watch_missed(const siginfo_t *info)
{
    missed = *info;
    is_missed = true;
}

void watch_again(void)
{
    siginfo_t info = missed;
    if (!__atomic_exchange_n(&is_missed, false, __ATOMIC_ACQ_REL))
        return;
    sys_tgsigqueueinfo(sys_getpid(), sys_gettid(), SIGBUS, &info);
}

void watch_drain(void)
{
    char events[1024];
    while (is_ours(queue) && sys_read(queue, events, sizeof events) > 0)
        ;
}

void watch_stop(void)
{
    if (is_ours(queue))
        sys_fcntl(queue, F_SETFL, O_NONBLOCK);
}

void watch_forked(void)
{
    if (is_ours(queue))
        sys_close(queue);
    queue = -1;
}
