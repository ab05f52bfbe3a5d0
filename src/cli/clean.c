/*
 * mapherd clean: removes the metrics of processes that are gone.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/maker.h"
#include "cli/peek.h"
#include "cli/processes.h"

/* Whose file it is: what metrics.c writes into its first line. */
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

/* A sentence why nobody keeps the file any more; NULL if somebody does or it cannot be told. */
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
    if (started != mark->started && mark->space == maker_namespace(getpid()))
        return "its process is gone, and its id is another's";
    long lines = target_count(&t, look_for_library, &library);
    if (lines == 0) /* ended, and not waited for yet */
        return "its process is gone";
    return lines > 0 && !library ? "its process runs another program now, without the library" : NULL;
}

static bool is_ours(const char *name)
{
    static const char first[] = "mapherd-";
    const char *end = strrchr(name, '.');
    bool hidden = *name == '.';
    return strncmp(name + hidden, first, sizeof first - 1) == 0 && end &&
           strcmp(end, hidden ? ".tmp" : ".prom") == 0;
}

static int clean_folder(DIR *folder, const char *path, bool dry)
{
    int result = DONE;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct mark mark;
        if (!is_ours(entry->d_name) || !read_mark(dirfd(folder), entry->d_name, &mark))
            continue;
        const char *why = why_stale(&mark);
        if (!why)
            continue;
        if (!dry && unlinkat(dirfd(folder), entry->d_name, 0) != 0) {
            complain("%s/%s: %s", path, entry->d_name, strerror(errno));
            result = FAILED;
            continue;
        }
        printf("%s", dry ? "would remove " : "removed ");
        print_text(stdout, path);
        printf("/");
        print_text(stdout, entry->d_name);
        printf(": %s\n", why);
    }
    return result;
}

static int clean(int argc, char **argv)
{
    bool dry = false;
    const struct flag flags[] = { { "dry-run", &dry, NULL }, { "n", &dry, NULL }, { NULL, NULL, NULL } };
    int operands = verb_args(&verb_clean, flags, argc, argv);
    int result = DONE;
    if (!operands)
        return misused(&verb_clean, "no folder is named; give that of MAPHERD_METRICS");
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
        if (clean_folder(folder, argv[i], dry) != DONE)
            result = FAILED;
        closedir(folder);
    }
    return result;
}

const struct verb verb_clean = {
    .name = "clean",
    .synopsis = "[-n] FOLDER...",
    .summary = "remove the metrics of processes that are gone from MAPHERD_METRICS",
    .help =
        "A process removes its own file when it ends; one that is killed cannot. What is not the\n"
        "library's, or is of a process that runs or that cannot be seen from here, is left.\n\n"
        "  -n, --dry-run  say what would be removed, and remove nothing\n",
    .run = clean,
};
