/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * trial: see trial.h.
 */
#define _GNU_SOURCE
#include "kernel/trial.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "common/pages.h"
#include "kernel/procstat.h"
#include "kernel/sys.h"

/* A filter may pass a call to another process, which may never answer. Then the child ends
 * after this time, which is long enough for a busy machine. */
#define ANSWER_MS 5000

bool trial_filtered(void)
{
    static enum { UNKNOWN, NONE, FILTERED } known;
    int now = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (now == UNKNOWN) {
        now = sys_prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 ? NONE : FILTERED;
        __atomic_store_n(&known, now, __ATOMIC_RELAXED);
    }
    return now == FILTERED;
}

bool trial_passes(const struct trial *t)
{
    return !trial_filtered() || __atomic_load_n(&t->verdict, __ATOMIC_RELAXED) == TRIAL_PASSES;
}

bool trial_refuses(const struct trial *t)
{
    return trial_filtered() && __atomic_load_n(&t->verdict, __ATOMIC_RELAXED) == TRIAL_REFUSES;
}

/* The child's answer, in a page that it shares with its parent. */
struct told {
    bool (*calls)(void);
    bool may_wait; /* wait4 does not kill */
    bool passed;
};

/* Makes the child end if it takes too long. False: nothing would end it. */
static bool set_alarm(void)
{
    const struct sys_action plain = { .handler = (uintptr_t)SIG_DFL };
    uint64_t alarm = SYS_SIGNAL_BIT(SIGALRM);
    return sys_sigaction(SIGALRM, &plain, NULL) == 0 &&
           sys_sigprocmask(SIG_UNBLOCK, &alarm, NULL) == 0 && sys_alarm(ANSWER_MS) == 0;
}

/* The child. It first forbids its core dump. So no file appears, no crash handler starts, and
 * before Linux 5.16 no other process dies with it (fs/coredump.c checks this first). */
static void try_calls(void *context)
{
    struct told *told = context;
    if (sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || !set_alarm())
        return;
    sys_reap(0);
    told->may_wait = true;
    told->passed = told->calls();
}

static bool is_same(const char *link, const char *other)
{
    char text[64], other_text[64];
    long len = sys_readlink(link, text, sizeof text),
         other_len = sys_readlink(other, other_text, sizeof other_text);
    return len > 0 && len == other_len && memcmp(text, other_text, (size_t)len) == 0;
}

/* A PID namespace ends with its first process, and the first process of a time namespace fixes its
 * clocks. So the child must not be the first process of a namespace that the program has made for
 * its children. */
static bool children_stay_here(void)
{
    struct stat st;
    return is_same("/proc/self/ns/pid", "/proc/self/ns/pid_for_children") &&
           (sys_lstat("/proc/self/ns/time", &st) < 0 ||
            is_same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
}

static bool has_threads(void)
{
    struct procstat threads = { "Threads", PROCSTAT_NONE, false };
    procstat_read("/proc/self/status", &threads, 1);
    return threads.value != PROCSTAT_NONE && threads.value > 1;
}

/* The end of the child sends no signal to the program (sys_child). A wait of the program for
 * children of any kind (__WALL) may take it first. */
static bool child_passes(bool (*calls)(void))
{
    long at = sys_mmap(0, page_up(sizeof(struct told)), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct told *told = (struct told *)at;
    if (sys_failed(at))
        return false;
    told->calls = calls;
    long child = sys_child(try_calls, told);
    bool passed = child > 0 && told->passed;
    if (child > 0 && told->may_wait)
        sys_reap(child);
    sys_munmap((uintptr_t)at, page_up(sizeof *told));
    return passed;
}

bool trial_due(const struct trial *t, bool at_once)
{
    return trial_filtered() && __atomic_load_n(&t->verdict, __ATOMIC_RELAXED) == TRIAL_NOT_YET &&
           children_stay_here() && (at_once || has_threads());
}

void trial_run(struct trial *t)
{
    __atomic_store_n(&t->verdict, child_passes(t->calls) ? TRIAL_PASSES : TRIAL_REFUSES,
                     __ATOMIC_RELAXED);
}
