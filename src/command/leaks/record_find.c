/*
 * record_find: see record_find.h.
 *
 * The record is one of the files that the process has mapped. It is known by its name, or, where
 * the user gave it another name, by the bytes that it begins with.
 */
#define _GNU_SOURCE
#include "command/leaks/record_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/verb.h"
#include "kernel/procmaps.h"

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

static bool has_magic(int memory, uintptr_t at)
{
    char magic[sizeof MAPHERD_RECORD_MAGIC - 1];
    return memory >= 0 && pread(memory, magic, sizeof magic, (off_t)at) == (ssize_t)sizeof magic &&
           memcmp(magic, MAPHERD_RECORD_MAGIC, sizeof magic) == 0;
}

static bool look_at(const struct procmap *m, void *context)
{
    static const char mark[] = " (deleted)";
    struct search *s = context;
    size_t len = m->path_len;
    if (m->offset || !m->shared || !m->write || m->path[0] != '/')
        return true;
    if (len > sizeof mark && memcmp(m->path + len - (sizeof mark - 1), mark, sizeof mark - 1) == 0)
        len -= sizeof mark - 1;
    if (len >= RECORD_PATH || (!has_name(m->path, len) && !has_magic(s->memory, m->start)))
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

struct record *record_of(pid_t pid, const char **why)
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

enum file_use record_use(const struct record *r)
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
    close(fd);
    return done;
}

/* ---- the record files of a folder ---- */

static bool begins_like_one(const char *path)
{
    char magic[sizeof MAPHERD_RECORD_MAGIC - 1];
    int fd = record_open(path, O_RDONLY | O_NOFOLLOW);
    bool is = fd >= 0 && pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
              memcmp(magic, MAPHERD_RECORD_MAGIC, sizeof magic) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

bool records_each(const char *folder, records_take *take, void *context)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        complain("%s: %s", folder, strerror(errno));
        return false;
    }
    for (int i = 0; i < n; i++) {
        char *path = enough_text("%s/%s", folder, entries[i]->d_name);
        const char *why;
        struct record *r = begins_like_one(path) ? record_read(path, &why) : NULL;
        if (r)
            take(path, r, context);
        record_free(r);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return true;
}

/* A MAPHERD_DIR may have a name with % in it behind the folder. */
static void folder_of(const char *dir, char *folder, size_t size)
{
    snprintf(folder, size, "%s", dir);
    char *slash = strrchr(folder, '/');
    if (strchr(folder, '%') && slash != folder)
        *slash = '\0';
}

void records_each_usual(records_take *take, void *context)
{
    static const char usual[] = "/dev/shm";
    char folder[4096] = "";
    const char *chosen = getenv("MAPHERD_DIR");
    if (chosen && chosen[0] == '/')
        folder_of(chosen, folder, sizeof folder);
    if (*folder && strcmp(folder, usual) != 0)
        records_each(folder, take, context);
    records_each(usual, take, context);
}
