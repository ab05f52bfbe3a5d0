/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * brief: see brief.h.
 */
#define _GNU_SOURCE
#include "kernel/brief.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernel/sys.h"

#define SLOTS 64
#define FORKING (1 << 30)

/* How many threads are opening or closing a descriptor; with FORKING while another may not
 * begin. */
static int moving;

/* The same of this thread alone: a handler may interrupt it and fork. initial-exec: see lock.c. */
static __thread struct {
    int moving;
    bool forks;
} mine __attribute__((tls_model("initial-exec")));

static struct slot {
    int fd;            /* the descriptor + 1; 0: a free slot */
    const void *owner; /* the thread: the address of its `mine` */
} slots[SLOTS];

/* A thread that is opening or closing already goes on, because the fork waits for it. */
static void begin(void)
{
    int seen = __atomic_load_n(&moving, __ATOMIC_RELAXED);
    for (;;) {
        if ((seen & FORKING) && !mine.moving && !mine.forks) {
            sys_futex_wait(&moving, seen);
            seen = __atomic_load_n(&moving, __ATOMIC_RELAXED);
        } else if (__atomic_compare_exchange_n(&moving, &seen, seen + 1, false, __ATOMIC_SEQ_CST,
                                               __ATOMIC_RELAXED)) {
            break;
        }
    }
    mine.moving++;
}

/* A fork that has waited in vain no longer counts this thread (brief_before_fork). */
static void end(void)
{
    int seen = __atomic_load_n(&moving, __ATOMIC_RELAXED);
    mine.moving--;
    while ((seen & ~FORKING) && !__atomic_compare_exchange_n(&moving, &seen, seen - 1, false,
                                                             __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        continue;
}

/* Where no slot is free, the descriptor works unlisted. */
static long list(long fd)
{
    for (size_t i = 0; fd >= 0 && i < SLOTS; i++) {
        int empty = 0;
        if (__atomic_compare_exchange_n(&slots[i].fd, &empty, (int)fd + 1, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED)) {
            __atomic_store_n(&slots[i].owner, &mine, __ATOMIC_RELAXED);
            break;
        }
    }
    return fd;
}

long brief_open(const char *path, int flags, unsigned mode)
{
    begin();
    long fd = list(high_open(path, flags, mode));
    end();
    return fd;
}

long brief_memfd(const char *name)
{
    begin();
    long fd = list(high_move(sys_memfd(name)));
    end();
    return fd;
}

void brief_close(int fd)
{
    begin();
    for (size_t i = 0; i < SLOTS; i++) {
        int listed = fd + 1;
        if (__atomic_compare_exchange_n(&slots[i].fd, &listed, 0, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            break;
    }
    sys_close(fd);
    end();
}

void brief_start(void)
{
    long fd = brief_open("/", O_PATH, 0);
    if (fd >= 0)
        brief_close((int)fd);
}

/* Waits no longer than 200 ms: a vfork child that was killed while it opened a file never
 * finishes, and a file on a slow disk may take longer. */
void brief_before_fork(void)
{
    enum { LOOKS = 2000, NAPS = 200 };
    mine.forks = true;
    __atomic_fetch_or(&moving, FORKING, __ATOMIC_SEQ_CST);
    for (unsigned n = 0; n < LOOKS + NAPS; n++) {
        if ((__atomic_load_n(&moving, __ATOMIC_SEQ_CST) & ~FORKING) == mine.moving)
            return;
        if (n >= LOOKS)
            sys_nap(1);
    }
    __atomic_store_n(&moving, FORKING | mine.moving, __ATOMIC_SEQ_CST);
}

void brief_after_fork_in_parent(void)
{
    mine.forks = false;
    __atomic_fetch_and(&moving, ~FORKING, __ATOMIC_SEQ_CST);
    sys_futex_wake(&moving, INT_MAX);
}

/* The child closes what other threads had open. What its only thread had open is still in use
 * there. */
void brief_after_fork_in_child(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].fd && slots[i].owner != &mine) {
            sys_close(slots[i].fd - 1);
            slots[i].fd = 0;
        }
    }
    mine.forks = false;
    moving = mine.moving;
}

/* Closes nothing: a number may belong to the child's own descriptor by now. */
void brief_forked_unseen(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (slots[i].owner != &mine)
            slots[i].fd = 0;
    mine.forks = false;
    moving = mine.moving;
}

/* ---- descriptors at 512 or above ---- */

long high_open(const char *path, int flags, unsigned mode)
{
    return high_move(sys_open(path, flags, mode));
}

long high_move(long fd)
{
    enum { HIGH = 512 };
    if (fd < 0 || fd >= HIGH)
        return fd;
    long high = sys_fcntl((int)fd, F_DUPFD_CLOEXEC, HIGH);
    if (high < 0)
        return fd;
    sys_close((int)fd);
    return high;
}
