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

/* Removes a file, or only says so: "removed PATH: WHY". */
static int drop(int folder, const char *path, const char *name, const char *why, bool dry)
{
    if (!dry && unlinkat(folder, name, 0) != 0) {
        complain("%s/%s: %s", path, name, strerror(errno));
        return FAILED;
    }
    printf("%s", dry ? "would remove " : "removed ");
    print_text(stdout, path);
    printf("/");
    print_text(stdout, name);
    printf(": %s\n", why);
    return DONE;
}

struct cleaning {
    const char *path; /* of the folder */
    int folder;
    bool dry;
    uint64_t older_ms;
    int result;
};

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
    if (drop(c->folder, c->path, strrchr(path, '/') + 1, why, c->dry) != DONE)
        c->result = FAILED;
}

static int clean_folder(DIR *folder, const char *path, bool dry, uint64_t older_ms)
{
    struct cleaning cleaning = { path, dirfd(folder), dry, older_ms, DONE };
    int result = records_each(path, clean_record, &cleaning) ? cleaning.result : FAILED;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct mark mark;
        if (!is_ours(entry->d_name) || !read_mark(dirfd(folder), entry->d_name, &mark))
            continue;
        const char *why = why_stale(&mark);
        if (why && drop(dirfd(folder), path, entry->d_name, why, dry) != DONE)
            result = FAILED;
    }
    return result;
}

static int clean(int argc, char **argv)
{
    bool dry = false;
    const char *older = "7d";
    const struct flag flags[] = {
        { "dry-run", &dry, NULL },
        { "n", &dry, NULL },
        { "older", NULL, &older },
        { NULL, NULL, NULL },
    };
    int operands = verb_args(&verb_clean, flags, argc, argv);
    int result = DONE;
    if (!operands)
        return misused(&verb_clean,
                       "no folder is named; give that of MAPHERD_METRICS or of records");
    uint64_t older_ms = verb_span(&verb_clean, "--older", older);
    if (access("/proc/self/stat", R_OK) != 0) {
        complain("/proc is not mounted: every process would seem to be gone");
        return FAILED;
    }
    for (int i = 0; i < operands; i++) {
        DIR *folder = opendir(argv[i]);
        if (!folder) {
            complain("%s: %s", argv[i], strerror(errno));
            result = FAILED;
            continue;
        }
        if (clean_folder(folder, argv[i], dry, older_ms) != DONE)
            result = FAILED;
        closedir(folder);
    }
    return result;
}

const struct verb verb_clean = {
    .name = "clean",
    .synopsis = "[-n] [--older TIME] FOLDER...",
    .summary = "remove the metrics and the old records of processes that are gone",
    .help =
        "A process removes its own metrics when it ends; one that is killed cannot. Records are kept\n"
        "for a week after their process. What is not the library's, or is of a process that runs or\n"
        "that cannot be seen from here, is left.\n\n"
        "  -n, --dry-run  say what would be removed, and remove nothing\n"
        "  --older TIME   remove records whose process is gone that long: 90, 15m, 2h, 7d (7d)\n",
    .run = clean,
};
