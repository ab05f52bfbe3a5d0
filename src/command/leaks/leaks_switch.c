/*
 * leaks_switch: `mapherd leaks --start` and `--stop`, and why a process has no record.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "command/leaks/leaks.h"
#include "command/leaks/live.h"
#include "command/watch/peek.h"
#include "command/leaks/record_check.h"
#include "command/leaks/record_find.h"
#include "command/leaks/records.h"
#include "command/watch/target.h"
#include "command/lib/units.h"

struct library {
    bool there;
    uint64_t base;
};

static void look_for_library(const struct procmap *m, void *context)
{
    struct library *l = context;
    if (peek_is_library(m) && m->offset == 0 && !l->there)
        *l = (struct library){ true, m->start };
}

/* Whether the environment that the process began with says so, in either way. */
static bool began_with(pid_t pid, const char *variable, const char *option)
{
    char path[64], *entry = NULL;
    size_t room = 0;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && !found && getdelim(&entry, &room, '\0', f) > 0)
        found = strcmp(entry, variable) == 0 ||
                (strncmp(entry, "MAPHERD_OPTIONS=", 16) == 0 && strstr(entry + 16, option));
    free(entry);
    if (f)
        fclose(f);
    return found;
}

/* The newest record of a process that is gone. */
struct left {
    int pid;
    uint64_t since_ms;
    char path[4096];
};

static void look_for_record(const char *path, const struct record *r, void *context)
{
    struct left *l = context;
    if (r->head.pid != l->pid || r->head.since_ms < l->since_ms)
        return;
    l->since_ms = r->head.since_ms;
    snprintf(l->path, sizeof l->path, "%s", path);
}

static void explain_gone(int pid)
{
    struct left left = { .pid = pid };
    records_each_usual(look_for_record, &left);
    if (left.path[0])
        complain("there is no process %d; the record that one of this id has left is %s", pid, left.path);
    else
        complain("there is no process %d; records of those that have ended: 'mapherd leaks --list'", pid);
}

void leaks_explain_none(int pid, const char *otherwise)
{
    struct target t = { .pid = pid };
    struct library library = { false, 0 };
    struct mapherd_status status;
    if (!target_name(&t)) {
        explain_gone(pid);
        return;
    }
    if (target_read(&t, look_for_library, &library) != DONE)
        return;
    if (!library.there)
        complain("the library is not in process %d (%s), so nothing of it is recorded; start it with "
                 "'mapherd run', or with LD_PRELOAD", pid, t.name);
    else if (began_with(pid, "MAPHERD_DIR=off", "dir=off"))
        complain("process %d (%s) keeps no record: it was started with MAPHERD_DIR=off", pid, t.name);
    else if (!peek_status(pid, library.base, &status) && status.state == MAPHERD_PASSIVE)
        complain("the library in process %d (%s) is passive and keeps no record; 'mapherd stat %d' says why",
                 pid, t.name, pid);
    else if (strstr(otherwise, "keeps no record") && began_with(pid, "MAPHERD_LEAKS=on", "leaks=on"))
        complain("process %d (%s) keeps no record, though it began with MAPHERD_LEAKS=on: the file could not "
                 "be made, and its log says why; MAPHERD_DIR names another folder", pid, t.name);
    else if (strstr(otherwise, "keeps no record"))
        complain("process %d (%s) keeps no record yet: it begins with the 64th mapping call or the "
                 "first warning, with MAPHERD_LEAKS=on at once", pid, t.name);
    else
        complain("%s", otherwise);
}

/* Whether somebody reads what is written into that file; else a complaint. */
static bool is_listened_to(const char *path)
{
    const char *why;
    pid_t pid = 0;
    struct record *r = record_read(path, &why);
    if (!r) {
        complain("%s: %s", path, why);
        return false;
    }
    enum live_state state = live_state_of(r, &pid);
    bool own = pid && record_match(r, pid) == RECORD_SAME;
    record_free(r);
    if (pid && !own)
        complain("%s: it is a copy; the record itself is that of process %d", path, (int)pid);
    else if (!pid)
        complain("%s: its process is not there to be told: %s", path, live_state_text(state));
    return own;
}

int leaks_switch(const char *operand, bool on)
{
    char path[RECORD_PATH];
    struct mapherd_record_head head;
    pid_t pid;
    bool is_pid = live_is_pid(operand, &pid);
    if (!is_pid && !is_listened_to(operand))
        return FAILED;
    int fd = is_pid ? record_open_of(pid, O_RDWR, path) : record_open(operand, O_RDWR | O_NOFOLLOW);
    if (fd < 0 && is_pid) {
        leaks_explain_none(pid, record_problem());
        return FAILED;
    }
    if (fd < 0 || !record_wish(fd, on ? MAPHERD_WISH_START : MAPHERD_WISH_STOP, &head)) {
        complain("%s: %s", operand, record_problem());
        return FAILED;
    }
    head.program[sizeof head.program - 1] = '\0';
    print_text(stdout, head.program);
    if ((head.leaks != 0) == on)
        printf("[%d]: its mappings are %s.\n", (int)head.pid, on ? "recorded already" : "not recorded as it is");
    else
        printf("[%d] is told to %s; it does so with its next call that maps or unmaps.\n", (int)head.pid,
               on ? "record its mappings" : "stop recording");
    return DONE;
}
