/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd recover: writes the pages of a spill file to the files that they belong to.
 *
 * Any user can make a file that looks like a spill file. So all is done with the rights of the
 * owner of the spill file: root may recover the files of every user, and another user only his own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <time.h>
#include <unistd.h>

#include "command/disk/spilled.h"
#include "command/lib/print.h"
#include "command/lib/verb.h"
#include "command/watch/target.h"

#define NOBODY 65534 /* the group of users without a name */
#define RANGES_SHOWN 8
#define GROUPS 128

static bool dry, force, keep;
static bool as_json;
static struct json json;

/* ---- with whose rights ---- */

/* False: the process cannot take these rights. */
static bool become(uid_t uid)
{
    gid_t groups[GROUPS] = { NOBODY };
    int n = GROUPS;
    const struct passwd *user = getpwuid(uid);
    gid_t gid = user ? user->pw_gid : NOBODY;
    if (geteuid() != 0)
        return uid == geteuid();
    if (uid == 0)
        return true;
    if (!user || getgrouplist(user->pw_name, gid, groups, &n) < 0)
        n = 0;
    if (setgroups((size_t)n, groups) != 0)
        return false;
    setfsgid(gid);
    setfsuid(uid);
    return setfsuid((uid_t)-1) == (int)uid && setfsgid((gid_t)-1) == (int)gid;
}

static void become_oneself(int groups, const gid_t *own)
{
    setfsuid(geteuid());
    setfsgid(getegid());
    if (geteuid() == 0 && setgroups((size_t)groups, own) != 0)
        complain("the groups could not be set: %s", strerror(errno));
}

/* ---- who made it ---- */

/* A process that still runs returns its pages itself. */
static bool maker_lives(const struct spilled *s)
{
    const struct spill_header *h = &s->header;
    struct target t = { .pid = 0 };
    if (h->pid <= 0 || h->pid > INT32_MAX || !maker_find((pid_t)h->pid, h->pid_namespace, &t.pid))
        return false;
    uint64_t started = t.pid ? process_started(t.pid) : 0;
    bool same_clock = !h->pid_namespace || h->pid_namespace == maker_own_namespace();
    if (!started || (same_clock && started != h->start_time))
        return false;
    return target_count(&t, NULL, NULL) != 0; /* 0: ended, and not waited for yet */
}

/* ---- what is told ---- */

static void print_ranges(const struct ranges *r)
{
    for (size_t i = 0; i < r->n && i < RANGES_SHOWN; i++)
        printf("%s %llu+%llu", i ? "," : "", (unsigned long long)r->at[i].offset,
               (unsigned long long)r->at[i].len);
    if (r->n > RANGES_SHOWN)
        printf(" and %s more", grouped((long long)(r->n - RANGES_SHOWN)));
}

static void json_ranges(const char *key, const struct ranges *r)
{
    json_open(&json, key, '[');
    for (size_t i = 0; i < r->n; i++) {
        json_open(&json, NULL, '{');
        json_number(&json, "offset", (long long)r->at[i].offset);
        json_number(&json, "length", (long long)r->at[i].len);
        json_close(&json, '}');
    }
    json_close(&json, ']');
}

static const char *result_of(const struct restore *r)
{
    if (*r->problem)
        return r->written ? "incomplete" : "refused";
    if (!r->n)
        return "nothing";
    return dry ? "possible" : "written";
}

static void tell_json(const struct restore *r)
{
    json_open(&json, NULL, '{');
    json_text(&json, "path", r->path);
    json_text(&json, "result", result_of(r));
    if (*r->problem)
        json_text(&json, "problem", r->problem);
    else
        json_null(&json, "problem");
    json_number(&json, "pages", (long long)r->n);
    json_number(&json, "bytes", (long long)ranges_bytes(&r->todo));
    json_number(&json, "bytes_written", (long long)r->written);
    json_number(&json, "pages_there_already", r->there);
    json_number(&json, "pages_unchanged", r->unchanged);
    json_bool(&json, "another_device", r->another_device);
    json_ranges("ranges", &r->todo);
    json_ranges("changed", &r->changed);
    json_ranges("past_end", &r->past);
    json_close(&json, '}');
}

static void tell_text(const struct restore *r)
{
    printf("  ");
    print_text(stdout, r->path);
    if (*r->problem) {
        printf(": %s, see the error\n", result_of(r));
        return;
    }
    if (!r->n)
        printf(": nothing to write%s", r->deleted  ? "; it was deleted"
                                       : r->past.n ? ""
                                                   : "; it has all that was stored");
    else
        printf(": %s page%s, %s bytes %s", grouped((long long)r->n), plural((long)r->n),
               grouped((long long)ranges_bytes(&r->todo)), dry ? "would be written:" : "written:");
    print_ranges(&r->todo);
    if (r->changed.n) {
        printf("; over what had been changed since:");
        print_ranges(&r->changed);
    }
    printf("%s\n",
           r->another_device ? " (its device has another number now; the inode is the same)" : "");
    if (r->past.n) {
        printf("    left out, because they are past the end of the file:");
        print_ranges(&r->past);
        putchar('\n');
    }
}

/* ---- the work ---- */

static bool same_file(const struct spill_slot *a, const struct spill_slot *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->path_len == b->path_len &&
           memcmp(a->path, b->path, a->path_len) == 0;
}

/* The file of slot `first`, with all its slots. */
static bool recover_file(struct spilled *s, unsigned first, const char *spill_path)
{
    struct restore r;
    char *path = spilled_path(&s->slots[first]);
    bool good = true;
    if (!path) {
        complain("no memory");
        return false;
    }
    restore_open(&r, s, &s->slots[first], path, force);
    for (unsigned n = first; good && n < s->header.slots; n++)
        if (same_file(&s->slots[n], &s->slots[first]))
            good = restore_slot(&r, &s->slots[n]);
    good = good && restore_ready(&r, force) && (dry || restore_write(&r));
    if (!good)
        complain("%s: %s: %s%s", spill_path, path, r.problem,
                 r.written ? "" : "; nothing of it was written");
    (as_json ? tell_json : tell_text)(&r);
    good = good && !r.past.n;
    restore_close(&r);
    free(path);
    return good;
}

static bool recover_files(struct spilled *s, const char *spill_path)
{
    bool good = true;
    for (unsigned n = 0; n < s->header.slots; n++) {
        bool known = false;
        for (unsigned before = 0; before < n && !known; before++)
            known = same_file(&s->slots[before], &s->slots[n]);
        if (!known && !recover_file(s, n, spill_path))
            good = false;
    }
    return good;
}

/* Removes it, unless the name is that of another file by now. */
static bool remove_spill(const struct spilled *s, const char *path)
{
    struct stat now;
    if (lstat(path, &now) != 0 || now.st_dev != s->stat.st_dev || now.st_ino != s->stat.st_ino)
        return true;
    if (unlink(path) == 0)
        return true;
    complain("%s: it cannot be removed: %s", path, strerror(errno));
    return false;
}

/* Of seconds that make no sense, the nearest that do. */
static long long milliseconds(int64_t seconds)
{
    return seconds < 0 ? 0 : seconds > INT64_MAX / 1000 ? INT64_MAX : seconds * 1000;
}

static void begin_account(const struct spilled *s, const char *path)
{
    char when[64] = "?";
    time_t created = (time_t)s->header.created;
    struct tm tm;
    if (localtime_r(&created, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    if (as_json) {
        json_open(&json, NULL, '{');
        json_text(&json, "spillfile", path);
        json_text(&json, "program", s->program);
        json_number(&json, "pid", s->header.pid);
        json_number(&json, "created_ms", milliseconds(s->header.created));
        json_open(&json, "files", '[');
        return;
    }
    print_text(stdout, path);
    printf(": of ");
    print_text(stdout, s->program);
    printf("[%lld], %s\n", (long long)s->header.pid, when);
}

static void end_account(bool removed)
{
    if (as_json) {
        json_close(&json, ']');
        json_bool(&json, "removed", removed);
        json_close(&json, '}');
    } else if (!dry) {
        puts(removed ? "  the spill file is removed" : "  the spill file is kept");
    }
}

/* A sentence that says why it cannot be recovered now; NULL if it can. */
static const char *why_not(const struct spilled *s)
{
    if (flock(s->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return "another 'mapherd recover' is at it";
    if (force)
        return NULL;
    if (maker_lives(s))
        return "its process still runs, and will write the pages itself";
    return maker_writes(s->fd)
               ? "a process still uses it, perhaps a child of the one that made it; 'fuser -v' "
                 "names it"
               : NULL;
}

/* Whether it holds nothing, so that it may be removed. */
static bool recover_unfinished(const struct spilled *s, const char *path)
{
    if (!force && maker_writes(s->fd)) {
        complain("%s: a process is just making it", path);
        return false;
    }
    bool removed = !dry && !keep && remove_spill(s, path), good = removed || dry || keep;
    if (as_json) {
        json_open(&json, NULL, '{');
        json_text(&json, "spillfile", path);
        json_bool(&json, "unfinished", true);
        json_open(&json, "files", '[');
    } else {
        print_text(stdout, path);
        puts(": its process was killed while it made this file; nothing was stored in it yet");
    }
    end_account(removed);
    return good;
}

static bool recover_one(const char *path)
{
    struct spilled s;
    const char *why;
    gid_t own[GROUPS];
    int groups = getgroups(GROUPS, own);
    if (!spilled_open(&s, path)) {
        complain("%s: %s", path, s.problem);
        return false;
    }
    bool good = groups >= 0 && become(s.stat.st_uid);
    if (!good) {
        complain("%s: it belongs to another user, whose rights are needed", path);
    } else if (s.unfinished) {
        good = recover_unfinished(&s, path);
    } else if ((why = why_not(&s))) {
        complain("%s: %s[%lld]: %s", path, s.program, (long long)s.header.pid, why);
        good = false;
    } else {
        begin_account(&s, path);
        good = recover_files(&s, path);
        bool removed = good && !dry && !keep && remove_spill(&s, path);
        end_account(removed);
    }
    become_oneself(groups, own);
    spilled_close(&s);
    return good;
}

static bool recover_folder(DIR *folder, const char *path)
{
    bool good = true;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char *name;
        if (strncmp(entry->d_name, SPILL_NAME_PREFIX, sizeof SPILL_NAME_PREFIX - 1) != 0)
            continue;
        if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
            return false;
        good = recover_one(name) && good;
        free(name);
    }
    return good;
}

static int recover(int argc, char **argv)
{
    const struct flag flags[] = {
        { "dry-run", &dry, NULL }, { "n", &dry, NULL },        { "force", &force, NULL },
        { "keep", &keep, NULL },   { "json", &as_json, NULL }, { NULL, NULL, NULL },
    };
    int operands = verb_args(&verb_recover, flags, argc, argv);
    bool good = true;
    if (!operands)
        return misused(&verb_recover,
                       "no spill file is named; give one, or the folder of MAPHERD_SPILL_DIR");
    if (access("/proc/self/stat", R_OK) != 0) {
        complain("/proc is not mounted: every process would seem to be gone");
        return FAILED;
    }
    json = (struct json){ stdout, false };
    if (as_json)
        json_open(&json, NULL, '[');
    for (int i = 0; i < operands; i++) {
        DIR *folder = opendir(argv[i]);
        good = (folder ? recover_folder(folder, argv[i]) : recover_one(argv[i])) && good;
        if (folder)
            closedir(folder);
    }
    if (as_json) {
        json_close(&json, ']');
        putchar('\n');
    }
    return good ? DONE : FAILED;
}

const struct verb verb_recover = {
    .name = "recover",
    .synopsis = "[-n] [--force] [--keep] [--json] FILE|FOLDER...",
    .summary = "write what a killed process could not, from its spill file",
    .help =
        "Pages that found no space on their disk are in the spill file of their process. Each goes\n"
        "where it belongs if the file still holds there what it held then; a file that was changed,\n"
        "replaced or made shorter, or that a process has open for writing, is left as a whole.\n"
        "Space is reserved before the first page is written. A spill file that holds nothing more is\n"
        "removed. Of a folder, every spill file in it.\n\n"
        "  -n, --dry-run  say what would be written, and write nothing\n"
        "  --force        write even so, but never past the end of a file\n"
        "  --keep         do not remove the spill file\n"
        "  --json         one JSON array\n",
    .run = recover,
};
