/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * refs: see refs.h.
 */
#define _GNU_SOURCE
#include "kernel/refs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>

#include "common/fmt.h"
#include "kernel/sys.h"

/* The lowest bit of an entry says that the mutex is one with priority inheritance. */
#define ENTRY(p) ((uintptr_t)(p) & ~(uintptr_t)1)

static long find_mutexes(int tid, void (*found)(uintptr_t addr, void *context), void *context)
{
    struct robust_list_head *at, head;
    struct robust_list *next;
    long answer = sys_get_robust_list(tid, &at);
    if (answer < 0)
        return answer == -ESRCH ? 0 : answer; /* the thread has ended */
    /* A thread that ends meanwhile may have no memory any more. Else the kernel does not copy what
     * cannot be read, and that is in the list of nobody. */
    if (!at || !sys_copy_own(&head, at, sizeof head))
        return 0;
    const uintptr_t end = (uintptr_t)&at->list, futex = (uintptr_t)head.futex_offset;
    if (head.list_op_pending) {
        found(ENTRY(head.list_op_pending), context);
        found(ENTRY(head.list_op_pending) + futex, context);
    }
    next = head.list.next;
    for (int n = 0; n < ROBUST_LIST_LIMIT && ENTRY(next) != end; n++) {
        found(ENTRY(next), context);
        found(ENTRY(next) + futex, context);
        if (!sys_copy_own(&next, (const void *)ENTRY(next), sizeof next))
            break;
    }
    return 0;
}

/* The file is "running", or "202 0x7ffc3a ... ": the number of the call, its six arguments, and two
 * registers (fs/proc/base.c, proc_pid_syscall). */
static long find_arguments(int task, const char *tid, bool lives,
                           void (*found)(uintptr_t addr, void *context), void *context)
{
    enum { ARGUMENTS = 6 };
    char path[40], text[256];
    uint64_t number;
    fmt(path, sizeof path, "%s/syscall", tid);
    long file = sys_openat(task, path, O_RDONLY, 0);
    if (file < 0)
        return file == -ENOENT && !lives ? 0 : file; /* the thread has ended */
    long len = sys_read((int)file, text, sizeof text - 1);
    sys_close((int)file);
    if (len <= 0)
        return len == -ESRCH ? 0 : len < 0 ? len : -ENODATA;
    text[len] = '\0';
    const char *at = text;
    if (!fmt_read_u64(&at, &number))
        return 0;
    for (int n = 0; n < ARGUMENTS; n++) {
        if (*at++ != ' ' || *at++ != '0' || *at++ != 'x' || !fmt_read_hex(&at, &number))
            return -ENODATA;
        found((uintptr_t)number, context);
    }
    return 0;
}

long refs_each(int task, bool asleep, void (*found)(uintptr_t addr, void *context), void *context)
{
    char entries[2048] __attribute__((aligned(16)));
    long self = sys_gettid(), got = 0, answer = sys_lseek(task, 0, SEEK_SET);
    if (answer == 0 && !sys_copy_own(entries, &context, sizeof context))
        answer = -EPERM; /* a filter */
    while (answer == 0 && (got = sys_getdents(task, entries, sizeof entries)) > 0) {
        for (long at = 0; at < got && answer == 0;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            const char *name = entry->d_name;
            uint64_t tid;
            at += entry->d_reclen;
            if (!fmt_read_u64(&name, &tid))
                continue;
            answer = find_mutexes((int)tid, found, context);
            if (answer == 0 && asleep)
                answer = find_arguments(task, entry->d_name, (long)tid == self, found, context);
        }
    }
    return answer < 0 ? answer : got < 0 ? got : 0;
}
