/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * bequest: see bequest.h.
 */
#define _GNU_SOURCE
#include "kernel/bequest.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "kernel/brief.h"

static struct end {
    int socket;
    unsigned keeper;
    ino_t ino; /* the program may close the descriptor, and give its number to another file */
} ends[BEQUESTS];
static unsigned count;
static bool complete;

static bool is_there(int fd, ino_t ino)
{
    struct stat st;
    return sys_fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == ino;
}

static bool is_ours(const struct end *e)
{
    return is_there(e->socket, e->ino);
}

long bequest_add(unsigned keeper, struct bequest_end *into)
{
    int pair[2];
    struct stat receiving, sending;
    if (count == BEQUESTS)
        return -ENOBUFS;
    long answer = nofile_socketpair(pair);
    if (answer < 0)
        return answer;
    pair[0] = (int)high_move(pair[0]);
    pair[1] = (int)high_move(pair[1]);
    answer = sys_fstat(pair[0], &receiving);
    if (answer == 0)
        answer = sys_fstat(pair[1], &sending);
    if (answer < 0) {
        sys_close(pair[0]);
        sys_close(pair[1]);
        return answer;
    }
    ends[count++] = (struct end){ pair[0], keeper, receiving.st_ino };
    *into = (struct bequest_end){ .fd = pair[1], .ino = sending.st_ino, .tid = sys_gettid() };
    return 0;
}

void bequest_added(const struct bequest_end *into)
{
    if (is_there(into->fd, into->ino))
        sys_close(into->fd);
}

void bequest_complete(void)
{
    complete = true;
}

/* A child that another thread has forked without handlers may have a part of what is being sent, or
 * a copy of the descriptor table that is older than its memory. */
unsigned bequest_of(unsigned keeper, int sockets[BEQUESTS])
{
    unsigned n = 0;
    for (unsigned i = 0; complete && i < count; i++) {
        if (ends[i].keeper != keeper)
            continue;
        if (!is_ours(&ends[i]))
            return 0;
        sockets[n++] = ends[i].socket;
    }
    return n;
}

void bequest_close(void)
{
    for (unsigned i = 0; i < count; i++)
        if (is_ours(&ends[i]))
            sys_close(ends[i].socket);
    count = 0;
    complete = false;
}

/* The program may have closed the keeper's socket, as daemons do. A seccomp filter may kill for
 * pidfd_getfd(2): filters that systemd makes for services do not know it. */
static long fetch(const struct bequest_end *into, int socket)
{
    if (!into->delivered && sys_prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0)
        return -EACCES;
    long fd = into->delivered ? sys_peek_file(socket) : sys_fd_of_thread(into->tid, into->fd);
    if (fd < 0 || is_there((int)fd, into->ino))
        return fd;
    sys_close((int)fd);
    return -EBADF;
}

long bequest_fetch(const struct bequest_end *into, int socket)
{
    struct nofile limit = { .raised = false };
    long fd = fetch(into, socket);
    if (fd == -EMFILE && nofile_raise(&limit))
        fd = fetch(into, socket);
    nofile_restore(&limit);
    if (into->delivered)
        sys_drop_file(socket);
    return fd;
}

long bequest_give(int socket, const struct bequest_lot *lot, struct nofile *limit)
{
    long answer = sys_send_files(socket, lot->fds, lot->numbers, lot->n);
    if (answer == -ETOOMANYREFS && nofile_raise(limit))
        answer = sys_send_files(socket, lot->fds, lot->numbers, lot->n);
    return answer;
}

/* A socket that is empty has an open sending end only where another thread has forked without
 * handlers: nothing more comes. */
long bequest_take(int socket, struct bequest_lot *lot)
{
    struct nofile limit = { .raised = false };
    long got = sys_peek_files(socket, lot->fds, lot->numbers);
    if (got == -EMFILE && nofile_raise(&limit))
        got = sys_peek_files(socket, lot->fds, lot->numbers);
    nofile_restore(&limit);
    lot->n = got > 0 ? (unsigned)got : 0;
    if (got > 0)
        sys_drop_files(socket);
    return got == -EAGAIN ? 0 : got;
}
