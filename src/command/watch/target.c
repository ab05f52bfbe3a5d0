/*
 * target: a running process, seen through /proc.
 */
#define _GNU_SOURCE
#include "command/watch/target.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool target_name(struct target *t)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)t->pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    if (!fgets(t->name, sizeof t->name, f))
        t->name[0] = '\0';
    fclose(f);
    t->name[strcspn(t->name, "\n")] = '\0';
    return true;
}

int target_find(const struct verb *v, int operands, char **argv, struct target *t)
{
    char *end;
    if (operands != 1)
        return misused(v, operands ? "one process at a time" : "no process is named; give its id");
    errno = 0;
    long pid = strtol(argv[0], &end, 10);
    if (errno || *end || argv[0][0] < '0' || argv[0][0] > '9' || pid < 1 || pid > INT_MAX)
        return misused(v, "'%s' is not a process id: a number from 1 on", argv[0]);
    memset(t, 0, sizeof *t);
    t->pid = (pid_t)pid;
    t->limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    if (!target_name(t)) {
        if (access("/proc/self/comm", R_OK) != 0)
            complain("/proc is not mounted; nothing is known of any process without it");
        else
            complain("there is no process %ld", pid);
        return FAILED;
    }
    return DONE;
}

struct scan {
    struct target *target;
    void (*each)(const struct procmap *m, void *context);
    void *context;
};

static bool take_map(const struct procmap *m, void *context)
{
    struct scan *r = context;
    if (procmaps_counts(m)) {
        r->target->maps++;
        r->each(m, r->context);
    }
    return true;
}

long target_count(struct target *t, void (*each)(const struct procmap *m, void *context),
                  void *context)
{
    static char buf[1 << 16];
    struct scan r = { t, each, context };
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)t->pid);
    t->maps = 0;
    return procmaps_scan(path, buf, sizeof buf, take_map, &r);
}

int target_read(struct target *t, void (*each)(const struct procmap *m, void *context),
                void *context)
{
    long lines = target_count(t, each, context);
    if (lines == -EACCES || lines == -EPERM)
        complain("the maps of process %d may not be read; that takes its user or CAP_SYS_PTRACE",
                 (int)t->pid);
    else if (lines < 0)
        complain("/proc/%d/maps: %s", (int)t->pid, strerror((int)-lines));
    else if (lines == 0)
        complain("process %d has no maps: it has ended, or is a thread of the kernel", (int)t->pid);
    return lines > 0 ? DONE : FAILED;
}

long target_share(const struct target *t)
{
    return t->limit > 0 ? t->maps * 100 / t->limit : -1;
}

const char *target_pressure(const struct target *t)
{
    if (t->limit <= 0)
        return "unknown";
    long reserve = t->limit / 50;
    return t->maps >= t->limit - reserve ? "full"
           : target_share(t) >= 80       ? "high"
           : target_share(t) >= 50       ? "raised"
                                         : "calm";
}

void target_print_count(const struct target *t)
{
    printf("%s map%s", grouped(t->maps), plural(t->maps));
    if (t->limit > 0)
        printf(" of %s (%ld %%): %s\n", grouped(t->limit), target_share(t), target_pressure(t));
    else
        printf(", the limit is not known\n");
}

void target_json(const struct target *t, struct json *j)
{
    json_number(j, "pid", t->pid);
    json_text(j, "name", t->name);
    json_number(j, "maps", t->maps);
    json_if_known(j, "limit", t->limit > 0, t->limit);
    json_if_known(j, "share", t->limit > 0, target_share(t));
    json_text(j, "pressure", target_pressure(t));
}
