/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * latency: the histogram, and the log line for a slow sync. See latency.h.
 *
 * The kernel is asked what is dirty before a sync, because afterwards nothing is. cachestat walks
 * the cached pages of the range, which costs little if the range is short. It is not asked about a
 * long range, nor in each call of a loop whose syncs find nothing to do and cost less than the
 * question.
 *
 * No function here asks for a file's times before a sync: the kernel remembers that they were read,
 * and the next store would have to write a new time to the disk.
 */
#define _GNU_SOURCE
#include "sync/latency.h"

#include <time.h>

#include "common/fmt.h"
#include "kernel/procstat.h"
#include "kernel/sys.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

#define ASKED_MAX (4UL << 20) /* bytes of a range */
#define ASK_EVERY_NS 50000    /* in each thread */
#define LOG_EVERY_MS 1000

/* When this thread last asked what is dirty, by CLOCK_MONOTONIC. */
static __thread uint64_t asked __attribute__((tls_model("initial-exec")));

static uint64_t slow_ns(void)
{
    return (uint64_t)options_number(options.sync_slow) * 1000000;
}

/* The process has a seccomp filter, which may kill for cachestat, a new call (Linux 6.5). Asked
 * once: after a filter that is made later, no call comes here (entry/gate.h). */
static bool filtered(void)
{
    enum { UNASKED, YES, NO };
    static int answer;
    int now = __atomic_load_n(&answer, __ATOMIC_RELAXED);
    if (now == UNASKED) {
        struct procstat wanted = { "Seccomp", PROCSTAT_NONE, false };
        procstat_read("/proc/self/status", &wanted, 1);
        now = wanted.value == 0 ? NO : YES;
        __atomic_store_n(&answer, now, __ATOMIC_RELAXED);
    }
    return now == YES;
}

/* The descriptor is still one of that file. */
static bool is_open(const struct synced *s)
{
    struct stat st;
    return s->fd >= 0 && sys_fstat(s->fd, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino;
}

void latency_begin(struct synced *s)
{
    s->dirty = -1;
    s->began = sys_clock_ns(CLOCK_MONOTONIC);
    if (s->fd < 0 || s->len > ASKED_MAX || s->began - asked < ASK_EVERY_NS || !slow_ns() ||
        filtered())
        return;
    s->dirty = sys_dirty_pages(s->fd, (off_t)s->offset, s->len);
    asked = s->began;
}

static unsigned bucket(uint64_t us)
{
    unsigned n = 0;
    for (uint64_t most = 100; n < MAPHERD_SYNC_BUCKETS - 1 && us > most; most *= 10)
        n++;
    return n;
}

static void name_file(const struct synced *s, bool open, char *name, size_t size)
{
    char link[32];
    long len = -1;
    if (open) {
        fmt(link, sizeof link, "/proc/thread-self/fd/%d", s->fd);
        len = sys_readlink(link, name, size - 1);
    }
    if (len >= 0)
        name[len] = '\0';
    else if (s->ino)
        fmt(name, size, "inode %lu", (unsigned long)s->ino);
    else
        fmt(name, size, "a map at 0x%lx", (unsigned long)s->addr);
}

static void say(const struct synced *s, uint64_t ns)
{
    static struct log_limit often;
    char name[256], dirty[48] = "";
    unsigned more;
    if (!log_allowed(&often, LOG_EVERY_MS, &more))
        return;
    bool open = is_open(s);
    name_file(s, open, name, sizeof name);
    if (open && s->dirty >= 0)
        fmt(dirty, sizeof dirty, ", %ld pages of it dirty", s->dirty);
    log_line(EVENT_msync,
             "msync took %lu ms: %s, %zu bytes at %lu%s; slow ones since the last such "
             "line: %u",
             (unsigned long)(ns / 1000000), name, s->len, (unsigned long)s->offset, dirty, more);
}

uint64_t latency_end(const struct synced *s, long answer)
{
    uint64_t ns = sys_clock_ns(CLOCK_MONOTONIC) - s->began, slow = slow_ns();
    STATUS_ADD(syncs, 1);
    STATUS_ADD(sync_us, ns / 1000);
    STATUS_ADD(sync_within[bucket(ns / 1000)], 1);
    if (answer < 0)
        STATUS_ADD(syncs_failed, 1);
    if (slow && ns >= slow) {
        STATUS_ADD(syncs_slow, 1);
        say(s, ns);
    }
    return ns;
}
