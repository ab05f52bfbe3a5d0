/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * family: see family.h.
 */
#define _GNU_SOURCE
#include "disk/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/fmt.h"
#include "common/pages.h"
#include "kernel/brief.h"
#include "kernel/identity.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "kernel/trial.h"

#define MEMBERS 1000   /* more than that share, whatever they map */
#define ELSEWHERE (-1) /* where /proc does not show it, or not to its parent */

static struct members {
    unsigned announced,
        arrived;       /* forks that were begun, and children that have called family_arrived */
    int pids[MEMBERS]; /* as /proc shows them (identity_in_proc) */
    uint64_t pid_space;
} * family;
static bool unknown; /* there was a fork without the page */

static bool put(struct members *f, int pid)
{
    for (unsigned n = 0; n < MEMBERS; n++) {
        int gone = 0;
        if (__atomic_compare_exchange_n(&f->pids[n], &gone, pid, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/* /proc does not show the process. It may have hidden that of another user (hidepid), so the kernel
 * is asked. That says nothing where /proc numbers the processes of another namespace; there a /proc
 * that hides some hides the first process, too, which is not of this namespace. */
static bool has_ended(int pid)
{
    struct stat st;
    return identity_in_proc() == sys_getpid() ? sys_kill(pid, 0) == -ESRCH
                                              : sys_stat("/proc/1", &st) == 0;
}

/* Those that have ended are forgotten. */
static void tidy(struct members *f)
{
    char path[32];
    struct stat st;
    for (unsigned n = 0; n < MEMBERS; n++) {
        int pid = __atomic_load_n(&f->pids[n], __ATOMIC_ACQUIRE);
        fmt(path, sizeof path, "/proc/%d", pid);
        if (pid > 0 && sys_stat(path, &st) == -ENOENT && has_ended(pid))
            __atomic_compare_exchange_n(&f->pids[n], &pid, 0, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED);
    }
}

static void enter(struct members *f)
{
    long number = identity_pid_space() == f->pid_space ? identity_in_proc() : ELSEWHERE;
    int pid = number < 0 ? ELSEWHERE : (int)number;
    if (put(f, pid))
        return;
    tidy(f);
    if (put(f, pid))
        return;
    __atomic_fetch_add(&f->announced, 1, __ATOMIC_RELAXED); /* one too many never arrives */
}

bool family_start(void)
{
    if (__atomic_load_n(&family, __ATOMIC_ACQUIRE))
        return true;
    size_t len = page_up(sizeof *family);
    long at = sys_mmap(0, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct members *new = (struct members *)at, *none = NULL;
    if (sys_failed(at))
        return false;
    new->pid_space = identity_pid_space();
    enter(new);
    if (!__atomic_compare_exchange_n(&family, &none, new, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        sys_munmap((uintptr_t)at, len);
    return true;
}

bool family_before_fork(void)
{
    if (!family_start()) {
        unknown = true;
        return false;
    }
    __atomic_fetch_add(&family->announced, 1, __ATOMIC_ACQ_REL);
    return true;
}

void family_arrived(bool announced)
{
    if (!family)
        return;
    enter(family);
    if (announced)
        __atomic_fetch_add(&family->arrived, 1, __ATOMIC_ACQ_REL);
}

void family_not_forked(bool announced)
{
    if (announced)
        __atomic_fetch_add(&family->arrived, 1, __ATOMIC_ACQ_REL);
}

void family_before_hidden_fork(void)
{
    if (__atomic_load_n(&family, __ATOMIC_ACQUIRE))
        __atomic_fetch_add(&family->announced, 1, __ATOMIC_ACQ_REL);
}

/* It has a map of the file, or its maps cannot be read. A number without a process is free
 * again. */
static bool shares(int pid, unsigned n, uint64_t dev, uint64_t ino)
{
    long answer = mappers_has(pid, dev, ino);
    if ((answer == -ENOENT || answer == -ESRCH) && has_ended(pid)) {
        __atomic_compare_exchange_n(&family->pids[n], &pid, 0, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED);
        return false;
    }
    return answer != 0;
}

bool family_shares(uint64_t dev, uint64_t ino, long *who)
{
    long self = identity_in_proc();
    *who = 0;
    if (unknown || !family)
        return unknown;
    for (unsigned n = 0; n < MEMBERS; n++) {
        int pid = __atomic_load_n(&family->pids[n], __ATOMIC_ACQUIRE);
        if (!pid || pid == self)
            continue;
        if (pid == ELSEWHERE)
            return true;
        if (shares(pid, n, dev, ino)) {
            *who = pid;
            return true;
        }
    }
    return __atomic_load_n(&family->announced, __ATOMIC_ACQUIRE) !=
           __atomic_load_n(&family->arrived, __ATOMIC_ACQUIRE);
}

/* ---- the processes that have a file mapped ---- */

/* Overlay lock held. */
static char list[8 << 10], entries[4096] __attribute__((aligned(8)));

struct wanted {
    uint64_t dev, ino;
    bool found;
};

static bool look(const struct procmap *m, void *context)
{
    struct wanted *w = context;
    w->found = m->inode == w->ino && makedev(m->dev_major, m->dev_minor) == w->dev;
    return !w->found;
}

long mappers_has(long pid, uint64_t dev, uint64_t ino)
{
    char path[32];
    struct wanted w = { dev, ino, false };
    fmt(path, sizeof path, "/proc/%ld/maps", pid);
    long answer = procmaps_scan(path, list, sizeof list, look, &w);
    return w.found ? 1 : answer < 0 ? answer : 0;
}

/* True if that process shares this one's memory, and so its VMAs. Few seccomp filters allow
 * kcmp(2): under a filter the child counts as another process. */
static bool is_vfork_child(long pid)
{
    return !trial_filtered() && sys_shares_memory(pid);
}

long mappers_other(uint64_t dev, uint64_t ino)
{
    long self = identity_in_proc(), found = 0, got,
         folder = brief_open("/proc", O_RDONLY | O_DIRECTORY, 0);
    while (folder >= 0 && !found &&
           (got = sys_getdents((int)folder, entries, sizeof entries)) > 0) {
        for (long at = 0; at < got && !found;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            const char *name = entry->d_name;
            uint64_t pid;
            at += entry->d_reclen;
            if (fmt_read_u64(&name, &pid) && (long)pid != self &&
                mappers_has((long)pid, dev, ino) == 1 && !is_vfork_child((long)pid))
                found = (long)pid;
        }
    }
    if (folder >= 0)
        brief_close((int)folder);
    return found;
}
