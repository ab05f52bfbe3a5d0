/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd clean: removes the metrics and the old records of processes that have ended.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/leaks/live.h"
#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/watch/target.h"

/* The process of a file of metrics: what metrics.c writes into its first line. */
struct mark {
    int pid; /* in its own PID namespace */
    unsigned long space;
    unsigned long long started;
};

static bool read_mark(int folder, const char *name, struct mark *mark)
{
    char line[128];
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    line[got > 0 ? got : 0] = '\0';
    return sscanf(line, "# mapherd: process %d of namespace %lu, started at %llu", &mark->pid,
                  &mark->space, &mark->started) == 3;
}

static void look_for_library(const struct procmap *m, void *context)
{
    *(bool *)context |= peek_is_library(m);
}

/* A sentence that says why no process writes the file any more; NULL if one does, or that cannot
 * be known. */
static const char *why_stale(const struct mark *mark)
{
    struct target t = { .pid = 0 };
    bool library = false;
    if (!maker_find(mark->pid, mark->space, &t.pid))
        return NULL;
    uint64_t started = t.pid ? process_started(t.pid) : 0;
    if (!started)
        return "its process is gone";
    /* A container may have a time of its own. */
    if (started != mark->started && mark->space == maker_own_namespace())
        return "its process is gone, and its id is another's";
    long lines = target_count(&t, look_for_library, &library);
    if (lines == 0) /* ended, and not waited for yet */
        return "its process is gone";
    return lines > 0 && !library ? "its process runs another program now, without the library"
                                 : NULL;
}

static bool is_ours(const char *name)
{
    static const char first[] = "mapherd-";
    const char *end = strrchr(name, '.');
    bool hidden = *name == '.';
    return strncmp(name + hidden, first, sizeof first - 1) == 0 && end &&
           strcmp(end, hidden ? ".tmp" : ".prom") == 0;
}

struct cleaning {
    const char *path; /* of the folder */
    int folder;
    bool dry;
    uint64_t older_ms;
    struct json *json; /* NULL: text */
    int result;
};

static void tell(const struct cleaning *c, const char *name, const char *kind, const char *why)
{
    if (c->json) {
        char *path = enough_text("%s/%s", c->path, name);
        json_open(c->json, NULL, '{');
        json_text(c->json, "path", path);
        json_text(c->json, "kind", kind);
        json_text(c->json, "why", why);
        json_bool(c->json, "removed", !c->dry);
        json_close(c->json, '}');
        free(path);
        return;
    }
    printf("%s", c->dry ? "would remove " : "removed ");
    print_text(stdout, c->path);
    printf("/");
    print_text(stdout, name);
    printf(": %s\n", why);
}

/* Removes a file, or only says so. kind: "metrics" or "record". */
static void drop(struct cleaning *c, const char *name, const char *kind, const char *why)
{
    if (c->dry || unlinkat(c->folder, name, 0) == 0) {
        tell(c, name, kind, why);
        return;
    }
    complain("%s/%s: %s", c->path, name, strerror(errno));
    c->result = FAILED;
}

/* A record is kept for a while after the end of its process, for whoever wants to know what
 * happened. */
static void clean_record(const char *path, const struct record *r, void *context)
{
    struct cleaning *c = context;
    uint64_t last = r->head.ended_ms ? r->head.ended_ms : r->head.touched_ms;
    uint64_t age = r->taken_ms > last ? r->taken_ms - last : 0;
    char why[96];
    pid_t pid;
    enum live_state state = live_state_of(r, &pid);
    if (state == LIVE_RUNNING || state == LIVE_UNKNOWN || age < c->older_ms)
        return;
    snprintf(why, sizeof why, "its process %s, %s ago", live_state_text(state), units_span(age));
    drop(c, strrchr(path, '/') + 1, "record", why);
}

static void clean_folder(DIR *folder, struct cleaning *c)
{
    if (!records_each(c->path, clean_record, c))
        c->result = FAILED;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct mark mark;
        if (!is_ours(entry->d_name) || !read_mark(c->folder, entry->d_name, &mark))
            continue;
        const char *why = why_stale(&mark);
        if (why)
            drop(c, entry->d_name, "metrics", why);
    }
}

static void clean_folders(int n, char **paths, struct cleaning *c)
{
    for (int i = 0; i < n; i++) {
        DIR *folder = opendir(paths[i]);
        if (!folder) {
            complain("%s: %s", paths[i], strerror(errno));
            c->result = FAILED;
            continue;
        }
        c->path = paths[i];
        c->folder = dirfd(folder);
        clean_folder(folder, c);
        closedir(folder);
    }
}

static int clean(int argc, char **argv)
{
    struct cleaning cleaning = { .result = DONE };
    struct json j = { stdout, false };
    bool json = false;
    const char *older = "7d";
    const struct flag flags[] = {
        { "dry-run", &cleaning.dry, NULL },
        { "n", &cleaning.dry, NULL },
        { "older", NULL, &older },
        { "json", &json, NULL },
        { NULL, NULL, NULL },
    };
    int operands = verb_args(&verb_clean, flags, argc, argv);
    if (!operands)
        return misused(&verb_clean,
                       "no folder is named; give that of MAPHERD_METRICS or of records");
    cleaning.older_ms = verb_span(&verb_clean, "--older", older);
    if (access("/proc/self/stat", R_OK) != 0) {
        complain("/proc is not mounted: every process would seem to be gone");
        return FAILED;
    }
    if (!json) {
        clean_folders(operands, argv, &cleaning);
        return cleaning.result;
    }
    cleaning.json = &j;
    json_open(&j, NULL, '{');
    json_bool(&j, "dry_run", cleaning.dry);
    json_open(&j, "files", '[');
    clean_folders(operands, argv, &cleaning);
    json_close(&j, ']');
    json_close(&j, '}');
    putchar('\n');
    return cleaning.result;
}

const struct verb verb_clean = {
    .name = "clean",
    .synopsis = "[-n] [--older TIME] [--json] FOLDER...",
    .summary = "remove the metrics and the old records of processes that are gone",
    .help =
        "A process removes its own metrics when it ends; one that is killed cannot. Records are kept\n"
        "for a week after their process. What is not the library's, or is of a process that runs or\n"
        "that cannot be seen from here, is left.\n\n"
        "  -n, --dry-run  say what would be removed, and remove nothing\n"
        "  --older TIME   remove records whose process is gone that long: 90, 15m, 2h, 7d (7d)\n"
        "  --json         one JSON object\n",
    .run = clean,
};
