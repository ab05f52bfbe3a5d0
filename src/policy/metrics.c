/*
 * metrics: a file of numbers for node_exporter's textfile collector.
 *
 * Rules: one thread writes at a time and the others go on; the file appears by rename, so a
 * reader never sees half of it; a file is only ever made new (O_EXCL), so a link that somebody
 * put there leads nowhere. The words of HELP and TYPE must be the same in every file: node_exporter
 * drops families that disagree.
 */
#define _GNU_SOURCE
#include "policy/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/brief.h"
#include "base/fmt.h"
#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "model/identity.h"
#include "model/model.h"

#define EVERY_MS 1000
#define CALLS_A_LOOK 16 /* the clock is asked every so many calls */
#define MOVED_SHARE 50  /* a count that moved by this part of the limit is news */
#define PATH_LEN 512
#define FIRST_PID_NAMESPACE 4026531836UL /* include/linux/proc_ns.h: PROC_PID_INIT_INO */

static const struct row {
    const char *name, *type, *help;
    size_t at, size;
} rows[] = {
#define ROW(name, type, field, help) \
    { name, type, help, offsetof(struct mapherd_status, field), \
      sizeof mapherd_status_block.field }
    ROW("process_memory_map_areas", "gauge", bound,
        "Memory maps of the process: at most so many, exactly so many after each reading."),
    ROW("process_memory_map_areas_limit", "gauge", limit,
        "Memory maps that vm.max_map_count allows the process."),
    ROW("mapherd_maps_read", "gauge", exact,
        "Memory maps at the last reading of /proc/self/maps."),
    ROW("mapherd_readings_total", "counter", readings, "Readings of /proc/self/maps."),
    ROW("mapherd_pressure", "gauge", pressure, "0 calm, 1 raised, 2 high, 3 full."),
    ROW("mapherd_calls_total", "counter", calls, "Calls that could change the maps."),
    ROW("mapherd_placed_total", "counter", placed, "File maps put beside their neighbours."),
    ROW("mapherd_compared_total", "counter", compared, "File maps merged by a second comparison."),
    ROW("mapherd_joined_total", "counter", joined, "File maps made from a master map."),
    ROW("mapherd_filled_total", "counter", filled, "File maps made inside a filled window."),
    ROW("mapherd_elsewhere_total", "counter", elsewhere, "File maps whose place was taken."),
    ROW("mapherd_guards_total", "counter", guards, "Guard markers in place of split maps."),
    ROW("mapherd_held_bytes", "gauge", held_bytes,
        "Bytes kept mapped after the program unmapped them, for want of maps."),
    ROW("mapherd_held_back_total", "counter", held_back,
        "Unmappings honoured without the split that the limit did not allow."),
    ROW("mapherd_swallowed_total", "counter", swallowed,
        "Hints dropped because the limit did not allow their split."),
    ROW("mapherd_refused_total", "counter", refused, "File maps refused to keep the reserve."),
    ROW("mapherd_enomem_total", "counter", enomem, "Calls that failed at the map limit."),
    ROW("mapherd_faults_total", "counter", faults, "SIGBUS of mapped files."),
    ROW("mapherd_spilled_pages_total", "counter", spilled, "Pages put into the spill file."),
    ROW("mapherd_returned_pages_total", "counter", returned,
        "Pages written back from the spill file."),
    ROW("mapherd_converted_total", "counter", converted, "Faults answered with zeros."),
    ROW("mapherd_unseen_total", "counter", unseen, "Calls passed through unseen."),
    ROW("mapherd_forgotten_total", "counter", forgotten,
        "Regions forgotten for want of memory."),
    ROW("mapherd_preallocated_bytes_total", "counter", preallocated,
        "Bytes of holes of mapped files that were allocated."),
    ROW("mapherd_allocated_ahead_bytes", "gauge", allocated_ahead,
        "Bytes of holes that were allocated and may be unused now."),
    ROW("mapherd_no_space_total", "counter", no_space,
        "Maps whose holes were not allocated for want of space."),
    ROW("mapherd_syncs_widened_total", "counter", syncs_widened,
        "Calls of msync that took their neighbours along."),
    ROW("mapherd_syncs_skipped_total", "counter", syncs_skipped,
        "Calls of msync skipped because nothing had changed."),
    ROW("mapherd_syncs_failed_total", "counter", syncs_failed, "Calls of msync that failed."),
    ROW("mapherd_syncs_slow_total", "counter", syncs_slow,
        "Calls of msync as slow as MAPHERD_SYNC_SLOW says, or slower."),
#undef ROW
};
#define ROWS (sizeof rows / sizeof *rows)

#define now_of(field) __atomic_load_n(&mapherd_status_block.field, __ATOMIC_RELAXED)

/* Made in the constructor, then only read. */
static char folder[PATH_LEN];
static char program[6 * 32];

/* Of the process that owner is; written by the one thread that is busy. */
static struct {
    char path[PATH_LEN + 64], fresh[PATH_LEN + 64]; /* the file, and under which name it is made */
    char mark[96];    /* its first line, by which `mapherd clean` knows whose it is */
    char labels[256]; /* {...} */
    char text[12288];
    bool named;
} file;
static int owner;
static bool busy, stopped;
static uint64_t next_ms;
static int64_t told_bound; /* what the file says */
static uint32_t told_pressure;

/* A label's value: printable ASCII, escaped; a file with anything that is not UTF-8 is refused
 * whole by those who read it. */
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

/* Whose file it is. Names are given late: a forked child that becomes another program at once has
 * no use for them. */
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

static int64_t value_of(const struct row *row)
{
    const char *at = (const char *)&mapherd_status_block + row->at;
    return row->size == sizeof(uint32_t) ? (int64_t)__atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED)
                                         : __atomic_load_n((const int64_t *)at, __ATOMIC_RELAXED);
}

/* The waiting for msync, as a histogram: each bucket holds those before it. */
static size_t compose_syncs(char *text, size_t size)
{
    static const char *const bounds[] = { "0.0001", "0.001", "0.01", "0.1", "1", "10", "+Inf" };
    unsigned long upto = 0;
    size_t len = fmt(text, size, "# HELP mapherd_sync_seconds How long msync took.\n"
                                 "# TYPE mapherd_sync_seconds histogram\n");
    for (unsigned i = 0; i < MAPHERD_SYNC_BUCKETS; i++) {
        upto += (unsigned long)now_of(sync_within[i]);
        len += fmt(text + len, size - len, "mapherd_sync_seconds_bucket{le=\"%s\",%s %lu\n",
                   bounds[i], file.labels + 1, upto);
    }
    return len + fmt(text + len, size - len,
                     "mapherd_sync_seconds_sum%s %lue-6\nmapherd_sync_seconds_count%s %lu\n",
                     file.labels, (unsigned long)now_of(sync_us), file.labels, upto);
}

/* Numbers that are not known, which are negative, are left out. */
static size_t compose(void)
{
    size_t len = fmt(file.text, sizeof file.text, "%s", file.mark);
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        int64_t value = value_of(row);
        if (value >= 0)
            len += fmt(file.text + len, sizeof file.text - len,
                       "# HELP %s %s\n# TYPE %s %s\n%s%s %ld\n", row->name, row->help, row->name,
                       row->type, row->name, file.labels, (long)value);
    }
    return len + compose_syncs(file.text + len, sizeof file.text - len);
}

static long write_file(void)
{
    size_t len = compose();
    sys_unlink(file.fresh); /* of a process of this id that was killed */
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

static void tell_failure(long answer)
{
    static bool told;
    if (!__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
        log_line(LOG_WARNING, "metrics cannot be written to %s (errno %ld): MAPHERD_METRICS wants "
                 "a folder that the program may write to", folder, -answer);
}

/* A child that shares its parent's memory, or was forked past libc, is not the owner. */
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
        __atomic_store_n(&told_bound, now_of(bound), __ATOMIC_RELAXED);
        __atomic_store_n(&told_pressure, now_of(pressure), __ATOMIC_RELAXED);
        if (!file.named)
            name_file();
        long answer = write_file();
        if (answer < 0)
            tell_failure(answer);
        if (__atomic_load_n(&stopped, __ATOMIC_SEQ_CST))
            sys_unlink(file.path);
    }
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

/* A burst of calls and then nothing: without this the file would tell its beginning for ever. */
static bool is_news(void)
{
    int64_t moved = now_of(bound) - __atomic_load_n(&told_bound, __ATOMIC_RELAXED);
    int64_t limit = now_of(limit);
    return (limit > 0 && (moved < 0 ? -moved : moved) >= limit / MOVED_SHARE) ||
           now_of(pressure) != __atomic_load_n(&told_pressure, __ATOMIC_RELAXED);
}

void metrics_tick(void)
{
    static unsigned calls;
    if (!folder[0] || __atomic_load_n(&stopped, __ATOMIC_RELAXED))
        return;
    bool news = is_news();
    if (!news && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % CALLS_A_LOOK)
        return;
    uint64_t now = sys_now_ms();
    if (news || now >= __atomic_load_n(&next_ms, __ATOMIC_RELAXED))
        renew(now);
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
    if (file.named)
        sys_unlink(file.path);
}
