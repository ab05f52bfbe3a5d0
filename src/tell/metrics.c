/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * metrics: see metrics.h.
 *
 * One thread writes at a time, and others do not wait for it. The file gets its name by rename, so
 * a reader never sees a part of it. It is always made anew (O_EXCL), so a link that another user
 * has put there is not followed. The words of HELP and TYPE must be the same in every file:
 * node_exporter drops families that differ.
 */
#define _GNU_SOURCE
#include "tell/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/identity.h"
#include "kernel/sys.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

#define EVERY_MS 1000
#define TELL_EVERY_MS 60000
#define PATH_LEN 512
#define FIRST_PID_NAMESPACE 4026531836UL /* include/linux/proc_ns.h: PROC_PID_INIT_INO */

/* The constructor sets it. */
static char folder[PATH_LEN];
static char program[6 * 32];

/* The file of the process with the id in owner. The thread that has set busy writes it. */
static struct {
    char path[PATH_LEN + 64], fresh[PATH_LEN + 64]; /* the file, and its name while it is made */
    char mark[96];    /* the first line, by which `mapherd clean` finds its process */
    char labels[256]; /* {...} */
    char text[24576];
    bool named;
} file;
static int owner;
static bool busy, stopped;
static uint64_t next_ms;
static struct news told; /* in the file */

/* Escapes the value of a label, in printable ASCII: Prometheus refuses the whole of a file that is
 * not UTF-8. */
static void escape(char *out, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text && at + 3 < size; text++) {
        if (*text == '"' || *text == '\\')
            out[at++] = '\\';
        out[at++] = *text >= ' ' && *text < 0x7f ? *text : '?';
    }
    out[at] = '\0';
}

/* Names the file. That is done late: a forked child that executes another program at once needs no
 * name. */
static void name_file(void)
{
    unsigned long space = (unsigned long)identity_pid_space();
    bool inner = space && space != FIRST_PID_NAMESPACE;
    char base[64], label[64] = "";
    if (inner) {
        fmt(base, sizeof base, "mapherd-%lu-%d", space, owner);
        fmt(label, sizeof label, ",pid_namespace=\"%lu\"", space);
    } else {
        fmt(base, sizeof base, "mapherd-%d", owner);
    }
    fmt(file.path, sizeof file.path, "%s/%s.prom", folder, base);
    fmt(file.fresh, sizeof file.fresh, "%s/.%s.tmp", folder, base);
    fmt(file.labels, sizeof file.labels, "{pid=\"%d\",program=\"%s\"%s}", owner, program, label);
    fmt(file.mark, sizeof file.mark, "# mapherd: process %d of namespace %lu, started at %lu\n",
        owner, space, (unsigned long)identity_started());
    file.named = true;
}

/* Writes the time spent in msync as a histogram: each bucket includes those before it. */
static size_t compose_syncs(char *text, size_t size)
{
    static const char *const bounds[] = { "0.0001", "0.001", "0.01", "0.1", "1", "10", "+Inf" };
    unsigned long upto = 0;
    size_t len = fmt(text, size,
                     "# HELP mapherd_sync_seconds How long msync took.\n"
                     "# TYPE mapherd_sync_seconds histogram\n");
    for (unsigned i = 0; i < MAPHERD_SYNC_BUCKETS; i++) {
        upto += (unsigned long)STATUS_GET(sync_within[i]);
        len += fmt(text + len, size - len, "mapherd_sync_seconds_bucket{le=\"%s\",%s %lu\n",
                   bounds[i], file.labels + 1, upto);
    }
    return len + fmt(text + len, size - len,
                     "mapherd_sync_seconds_sum%s %lue-6\nmapherd_sync_seconds_count%s %lu\n",
                     file.labels, (unsigned long)STATUS_GET(sync_us), file.labels, upto);
}

/* The version is a label, as Prometheus has it for texts: others are joined with it by pid. */
static size_t compose_build(char *text, size_t size)
{
    return fmt(text, size,
               "# HELP mapherd_build_info the version of mapherd, as a label; always 1\n"
               "# TYPE mapherd_build_info gauge\nmapherd_build_info{version=\"%s\",%s 1\n",
               mapherd_status_block.package, file.labels + 1);
}

/* A number that is not known is negative, and is left out. */
static size_t compose(void)
{
    size_t len = fmt(file.text, sizeof file.text, "%s", file.mark);
    len += compose_build(file.text + len, sizeof file.text - len);
    for (size_t i = 0; i < status_count; i++) {
        const struct status_row *row = &status_rows[i];
        int64_t value = status_value(&mapherd_status_block, row);
        if (value >= 0 && row->metric[0])
            len += fmt(file.text + len, sizeof file.text - len,
                       "# HELP %s %s\n# TYPE %s %s\n%s%s %ld\n", row->metric, row->what,
                       row->metric, row->kind, row->metric, file.labels, (long)value);
    }
    return len + compose_syncs(file.text + len, sizeof file.text - len);
}

static long write_file(void)
{
    size_t len = compose();
    sys_unlink(file.fresh); /* left by a process of this id that was killed */
    long fd = brief_open(file.fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
    if (fd < 0)
        return fd;
    long answer = sys_fchmod((int)fd, 0644); /* whatever the umask */
    if (answer >= 0)
        answer = sys_write_quietly((int)fd, file.text, len);
    if (answer >= 0)
        answer = (size_t)answer == len ? 0 : -ENOSPC;
    brief_close((int)fd);
    if (answer == 0)
        answer = sys_rename(file.fresh, file.path);
    if (answer < 0)
        sys_unlink(file.fresh);
    return answer;
}

/* Tells of a failure that is not told yet, and of the first success after it. */
static void tell_of(long answer)
{
    static struct log_limit often;
    static bool said;
    unsigned more;
    if (answer >= 0 && said)
        log_line(EVENT_metrics_resumed, "metrics can be written to %s again", folder);
    if (answer < 0 && !said && !log_allowed(&often, TELL_EVERY_MS, &more))
        return;
    if (answer < 0 && !said)
        log_line(EVENT_metrics_failed,
                 "metrics cannot be written to %s (errno %ld): MAPHERD_METRICS wants "
                 "a folder that the program may write to",
                 folder, -answer);
    said = answer < 0;
}

/* A child that shares its parent's memory, or was forked by a raw system call, is not the owner. */
static bool is_owner(void)
{
    return sys_getpid() == owner;
}

static void renew(uint64_t now)
{
    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return;
    if (is_owner()) {
        __atomic_store_n(&next_ms, now + EVERY_MS, __ATOMIC_RELAXED);
        news_tell(&told);
        if (!file.named)
            name_file();
        tell_of(write_file());
        if (__atomic_load_n(&stopped, __ATOMIC_SEQ_CST) && !STATUS_GET(spill_waiting))
            sys_unlink(file.path);
    }
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

bool metrics_settle(void)
{
    if (!folder[0] || __atomic_load_n(&stopped, __ATOMIC_RELAXED))
        return false;
    /* After a burst of calls there may be none for long: without news_are_due the file would show
     * its beginning. */
    uint64_t now = sys_now_ms();
    if (news_are_due(&told) || now >= __atomic_load_n(&next_ms, __ATOMIC_RELAXED))
        renew(now);
    return false;
}

void metrics_start(const char *name)
{
    if (!options.metrics.len || options.metrics.len >= sizeof folder)
        return;
    escape(program, sizeof program, name);
    memcpy(folder, options.metrics.at, options.metrics.len);
    owner = (int)sys_getpid();
    renew(sys_now_ms());
}

void metrics_after_fork(void)
{
    if (!folder[0])
        return;
    owner = (int)sys_getpid();
    file.named = false;
    next_ms = 0;
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

void metrics_stop(void)
{
    if (!folder[0] || !is_owner() || __atomic_exchange_n(&stopped, true, __ATOMIC_SEQ_CST))
        return;
    if (!file.named)
        return;
    if (!STATUS_GET(spill_waiting))
        sys_unlink(file.path);
    else if (!__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        write_file();
}
