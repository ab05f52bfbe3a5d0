/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * live: see live.h.
 */
#define _GNU_SOURCE
#include "command/leaks/live.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/watch/pieces.h"
#include "command/watch/target.h"

/* ---- the record of a process that runs ---- */

/* The record is one of the files that the process has mapped. It is known by its name, or, where
 * the user gave it another name, by the bytes that it begins with. */
struct search {
    int memory; /* /proc/PID/mem, or -1 */
    uintptr_t start, end;
    ino_t inode;
    char *path; /* RECORD_PATH bytes; "": none was found */
};

static bool has_name(const char *path, size_t len)
{
    static const char name[] = "/mapherd-", end[] = ".record";
    const char *base = memrchr(path, '/', len);
    return base && len >= sizeof end - 1 && strncmp(base, name, sizeof name - 1) == 0 &&
           memcmp(path + len - (sizeof end - 1), end, sizeof end - 1) == 0;
}

static bool look_at(const struct procmap *m, void *context)
{
    struct search *s = context;
    size_t len = m->path_len;
    if (m->offset || !m->shared || !m->write || m->path[0] != '/')
        return true;
    if (pieces_deleted(m->path))
        len -= strlen(" (deleted)");
    if (len >= RECORD_PATH || (!has_name(m->path, len) && !record_begins(s->memory, m->start)))
        return true;
    s->start = m->start;
    s->end = m->end;
    s->inode = m->inode;
    memcpy(s->path, m->path, len);
    s->path[len] = '\0';
    return false;
}

/* 0, or -errno; ENOENT: there is none. */
static long search(pid_t pid, struct search *s)
{
    static char buf[1 << 16];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    s->memory = open(path, O_RDONLY | O_CLOEXEC);
    s->path[0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    long lines = procmaps_scan(path, buf, sizeof buf, look_at, s);
    if (s->memory >= 0)
        close(s->memory);
    if (lines < 0)
        record_refuse("the maps of process %d cannot be read: %s", (int)pid, strerror((int)-lines));
    else if (!s->path[0])
        record_refuse("process %d keeps no record", (int)pid);
    return lines < 0 ? lines : s->path[0] ? 0 : -ENOENT;
}

int record_open_of(pid_t pid, int flags, char *path)
{
    struct search s = { .path = path };
    struct stat st;
    char seen[RECORD_PATH + 64];
    if (search(pid, &s) != 0)
        return -1;
    snprintf(seen, sizeof seen, "/proc/%d/map_files/%lx-%lx", (int)pid, (unsigned long)s.start,
             (unsigned long)s.end);
    int fd = record_open(seen, flags);
    if (fd >= 0)
        return fd;
    /* That takes more rights than its owner has: by its name then, if it is still the same file. */
    snprintf(seen, sizeof seen, "/proc/%d/root%s", (int)pid, path);
    fd = record_open(seen, flags);
    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_ino != s.inode)) {
        close(fd);
        fd = -1;
        record_refuse("the record of process %d was removed, and opening it takes root", (int)pid);
    }
    return fd;
}

/* Reads the record of a running process, which may be in a container. NULL and *why as with
 * record_read. */
static struct record *record_of(pid_t pid, const char **why)
{
    char path[RECORD_PATH];
    int fd = record_open_of(pid, O_RDONLY, path);
    return record_take(fd, path, why);
}

enum record_match record_match(const struct record *r, pid_t pid)
{
    char path[RECORD_PATH];
    struct search s = { .path = path };
    struct mapherd_record_head head;
    long found = search(pid, &s);
    if (found != 0)
        return found == -EACCES || found == -EPERM ? RECORD_SAME : RECORD_NONE;
    if (s.inode == r->inode)
        return RECORD_SAME;
    int fd = record_open_of(pid, O_RDONLY, path);
    bool same = fd >= 0 && pread(fd, &head, sizeof head, 0) == (ssize_t)sizeof head &&
                head.since_ms == r->head.since_ms && head.pid == r->head.pid;
    if (fd >= 0)
        close(fd);
    return same ? RECORD_COPY : RECORD_NONE;
}

/* Whether a process has the file of the record mapped. FILE_USE_UNKNOWN also if another file has
 * its name by now. */
static enum file_use file_use_of(const struct record *r)
{
    struct stat st;
    int fd = record_open(r->path, O_RDONLY | O_NOFOLLOW);
    if (fd < 0)
        return FILE_USE_UNKNOWN;
    bool same = fstat(fd, &st) == 0 && st.st_dev == r->device && st.st_ino == r->inode;
    enum file_use use = same ? maker_file_use(fd) : FILE_USE_UNKNOWN;
    close(fd);
    return use;
}

bool record_want(int fd, enum mapherd_record_wanted wanted, struct mapherd_record_head *head)
{
    struct stat st;
    uint32_t word = wanted;
    memset(head, 0, sizeof *head);
    bool done = false;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        record_refuse("it is no regular file");
    } else if (pread(fd, head, sizeof *head, 0) != (ssize_t)sizeof *head) {
        record_refuse("it is too short for a record");
    } else if (record_check_head(head, sizeof *head)) {
        done = pwrite(fd, &word, sizeof word, offsetof(struct mapherd_record_head, wanted)) ==
               (ssize_t)sizeof word;
        if (!done)
            record_refuse("it cannot be written to: %s", strerror(errno));
    }
    return done;
}

/* ---- whether the process of a record runs ---- */

static bool is_of_this_host(const struct record *r)
{
    char host[sizeof r->head.host] = "";
    gethostname(host, sizeof host - 1);
    return strcmp(host, r->head.host) == 0;
}

/* Boots are told apart by the time of the boot, which changes a little when the clock is set. */
static bool is_of_this_boot(const struct record *r)
{
    struct timespec now, up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    uint64_t boot_ms = (uint64_t)(now.tv_sec - up.tv_sec) * 1000, theirs = r->head.boot_ms;
    return (boot_ms > theirs ? boot_ms - theirs : theirs - boot_ms) < 60000;
}

/* Whether the process that made the record is there. False if that cannot be known. */
static bool look_for_process(const struct record *r, pid_t *pid)
{
    char path[64], exe[PATH_MAX];
    const struct mapherd_record_head *h = &r->head;
    *pid = 0;
    if (h->pid < 1 || !maker_find(h->pid, h->pid_space, pid))
        return false;
    uint64_t started = *pid ? process_started(*pid) : 0;
    /* A container may have a time of its own. */
    if (!started || (started != h->started && h->pid_space == maker_own_namespace()))
        *pid = 0;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)*pid);
    /* One that has ended and was not waited for has no program. */
    if (*pid && readlink(path, exe, sizeof exe) < 0 && errno == ENOENT)
        *pid = 0;
    return true;
}

enum live_state live_state_of(const struct record *r, pid_t *pid)
{
    bool known = look_for_process(r, pid);
    enum file_use use = file_use_of(r);
    enum record_match match = *pid ? record_match(r, *pid) : RECORD_NONE;
    pid_t found = *pid;
    if (r->head.state != MAPHERD_RECORD_RUNNING) {
        *pid = 0;
        return LIVE_EXITED;
    }
    if (known && match != RECORD_NONE)
        return LIVE_RUNNING;
    *pid = 0;
    if (use == FILE_IN_USE) /* by a process that cannot be seen from here */
        return LIVE_RUNNING;
    if (found)
        return LIVE_REPLACED;
    if (use == FILE_UNUSED ? is_of_this_boot(r) : known && is_of_this_host(r))
        return LIVE_KILLED;
    return LIVE_UNKNOWN;
}

const char *live_state_text(enum live_state state)
{
    static const char *const texts[] = {
        [LIVE_RUNNING] = "running",
        [LIVE_EXITED] = "exited",
        [LIVE_REPLACED] = "became another program",
        [LIVE_KILLED] = "was killed",
        [LIVE_UNKNOWN] = "not known: of another machine or container",
    };
    return texts[state];
}

/* ---- the kernel's list ---- */

struct live_map live_map_of(const struct procmap *m)
{
    return (struct live_map){
        .start = m->start,
        .end = m->end,
        .offset = m->offset,
        .device = (uint64_t)m->dev_major << 32 | m->dev_minor,
        .inode = m->inode,
        .path = m->path,
        .read = m->read,
        .write = m->write,
        .exec = m->exec,
        .shared = m->shared,
        .deleted = pieces_deleted(m->path),
    };
}

struct joining {
    struct live *live;
    size_t room;
    size_t piece;
    const char *path; /* the last one kept: neighbours share it */
    bool *cold;       /* by element of FILE: mappings of it are cold */
};

static void take_map(const struct procmap *m, void *context)
{
    struct joining *j = context;
    struct live *l = j->live;
    const struct record *r = l->record;
    struct texts *texts = l->texts;
    l->maps = enough_room(l->maps, l->map_count, &j->room, sizeof *l->maps);
    if (!j->path || strcmp(j->path, m->path) != 0)
        j->path = texts_copy(texts, m->path);
    struct live_map *map = &l->maps[l->map_count++];
    *map = live_map_of(m);
    map->path = j->path;
    bool cold = memory_of(map->path, m->inode) == MEMORY_COLD;
    /* Both lists are in the order of addresses: the piece in which the last VMA ended may go on
     * here. */
    while (j->piece < r->piece_count && r->pieces[j->piece].end <= map->start)
        j->piece++;
    for (size_t i = j->piece; i < r->piece_count && r->pieces[i].start < map->end; i++) {
        struct live_span *span = &l->spans[i];
        if (span->behind == 0)
            span->first = (uint32_t)l->map_count - 1;
        span->behind = (uint32_t)l->map_count;
        map->recorded = true;
        if (map->deleted)
            l->deleted[r->pieces[i].file] = true;
        j->cold[r->pieces[i].file] |= cold;
    }
}

/* Whether a file of the record is deleted or replaced. root: of the process, as seen from here. */
static bool is_gone(const struct record *r, size_t file, const char *root)
{
    const char *path = record_text(r, r->files[file].path);
    struct stat st;
    if (memory_of(path, 1) != MEMORY_FILE)
        return false;
    if (pieces_deleted(path) || path[0] != '/')
        return pieces_deleted(path);
    char *seen = enough_text("%s%s", root, path);
    bool there =
        stat(seen, &st) == 0 && st.st_ino == r->files[file].ino && st.st_dev == r->files[file].dev;
    free(seen);
    return !there;
}

static void join(struct live *l)
{
    struct joining j = { .live = l };
    struct target t = { .pid = l->pid };
    char root[32];
    j.cold = enough(calloc(l->record->file_count + 1, sizeof *j.cold));
    l->spans = enough(calloc(l->record->piece_count + 1, sizeof *l->spans));
    l->joined = target_count(&t, take_map, &j) > 0;
    l->limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    for (size_t i = 0; i < l->map_count; i++)
        l->unrecorded += !l->maps[i].recorded;
    /* Of a file whose mappings are cold the kernel does not tell that it is deleted. */
    snprintf(root, sizeof root, "/proc/%d/root", (int)l->pid);
    for (size_t i = 1; i < l->record->file_count; i++)
        if (j.cold[i] && !l->deleted[i])
            l->deleted[i] = is_gone(l->record, i, root);
    free(j.cold);
    l->deleted[0] = false; /* what has no file */
}

/* ---- of a process that is gone ---- */

static void look_for_files(struct live *l)
{
    for (size_t i = 1; i < l->record->file_count; i++)
        l->deleted[i] = is_gone(l->record, i, "");
}

/* Whether files are looked for: only where its paths and devices mean what they mean here. */
static bool is_from_here(const struct record *r)
{
    return is_of_this_host(r) && is_of_this_boot(r) && r->head.pid_space == maker_own_namespace();
}

/* ---- the whole ---- */

bool live_is_pid(const char *word, pid_t *pid)
{
    char *end;
    long n = strtol(word, &end, 10);
    bool is = word[0] >= '0' && word[0] <= '9' && !*end && n >= 1 && n <= INT_MAX;
    *pid = is ? (pid_t)n : 0;
    return is;
}

static uint64_t last_seen(const struct record *r)
{
    uint64_t last = r->head.ended_ms ? r->head.ended_ms : r->head.touched_ms;
    for (size_t i = 0; i < r->piece_count; i++)
        if (r->pieces[i].born_ms > last && r->pieces[i].born_ms <= r->taken_ms)
            last = r->pieces[i].born_ms;
    return last;
}

bool live_open(struct live *l, const char *operand, const char *debug_dir, const char **why)
{
    *l = (struct live){ .limit = -1 };
    if (live_is_pid(operand, &l->pid))
        l->record = record_of(l->pid, why);
    else
        l->record = record_read(operand, why);
    if (!l->record)
        return false;
    if (l->pid)
        l->state = LIVE_RUNNING;
    else
        l->state = live_state_of(l->record, &l->pid);
    /* A copy of the record of a process that runs is of the moment at which it was made. */
    bool now = l->pid && record_match(l->record, l->pid) == RECORD_SAME;
    l->now_ms = now ? l->record->taken_ms : last_seen(l->record);
    l->deleted = enough(calloc(l->record->file_count + 1, sizeof *l->deleted));
    l->texts = enough(calloc(1, sizeof(struct texts)));
    if (now)
        join(l);
    if (!l->joined)
        l->limit = (long)l->record->head.status.limit;
    l->deleted_known = l->joined || is_from_here(l->record);
    if (l->deleted_known && !l->joined)
        look_for_files(l);
    l->symbols = symbols_new(l->record, l->pid, debug_dir);
    return true;
}

void live_close(struct live *l)
{
    symbols_free(l->symbols);
    record_free(l->record);
    free(l->maps);
    free(l->spans);
    free(l->deleted);
    if (l->texts)
        texts_free(l->texts);
    free(l->texts);
    *l = (struct live){ .limit = -1 };
}

const char *live_file(const struct live *l, uint32_t file)
{
    if (file == 0 || file >= l->record->file_count)
        return memory_name(MEMORY_PRIVATE, false);
    const char *path = record_text(l->record, l->record->files[file].path);
    if (!*path)
        return "a file without a name";
    if (!l->deleted[file] || pieces_deleted(path))
        return path;
    return texts_take(l->texts, enough_text("%s (deleted)", path));
}
