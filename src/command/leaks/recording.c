/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd leaks --start and --stop: asks running processes to record their mappings, or to stop;
 * and why a process has no record.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/leaks/leaks.h"
#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/watch/given.h"
#include "command/watch/target.h"

/* ---- why there is no record ---- */

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

static char *why_gone(pid_t pid)
{
    struct left left = { .pid = pid };
    records_each_usual(look_for_record, &left);
    if (left.path[0])
        return enough_text("there is no process %d; the record that one of this id has left is %s",
                           (int)pid, left.path);
    return enough_text(
        "there is no process %d; records of those that have ended: 'mapherd leaks --list'",
        (int)pid);
}

enum presence { IS_IN, IS_NOT_IN, IS_NOT_KNOWN };

/* Whether the library is in a process. */
static enum presence presence_in(pid_t pid)
{
    struct target t = { .pid = pid };
    struct library library = { false, 0 };
    long lines = target_count(&t, look_for_library, &library);
    return lines == -EACCES || lines == -EPERM ? IS_NOT_KNOWN : library.there ? IS_IN : IS_NOT_IN;
}

/* The reason of one that runs with the library, which is at base. */
static char *why_not_yet(const struct target *t, uint64_t base, const char *otherwise)
{
    struct mapherd_status status;
    int pid = (int)t->pid;
    bool none = strstr(otherwise, "keeps no record") != NULL;
    struct given given = given_to(t->pid, base);
    texts_free(&given.texts);
    if (words_equal(given.are.dir, words_text("off")))
        return enough_text("process %d (%s) keeps no record: it was started with MAPHERD_DIR=off",
                           pid, t->name);
    if (!peek_status(pid, base, &status) && status.state == MAPHERD_PASSIVE)
        return enough_text("the library in process %d (%s) is passive and keeps no record; "
                           "'mapherd stat %d' says why",
                           pid, t->name, pid);
    if (none && given.are.leaks == LEAKS_ON)
        return enough_text(
            "process %d (%s) keeps no record, though it began with MAPHERD_LEAKS=on: "
            "the file could not be made, and its log says why; MAPHERD_DIR names "
            "another folder",
            pid, t->name);
    if (none)
        return enough_text("process %d (%s) keeps no record yet: it begins with the 64th mapping "
                           "call or the first warning, with MAPHERD_LEAKS=on at once",
                           pid, t->name);
    return enough_text("%s", otherwise);
}

char *leaks_why_none(pid_t pid, const char *otherwise)
{
    struct target t = { .pid = pid };
    struct library library = { false, 0 };
    char *reason = enough_text("%s", otherwise), *why; /* otherwise may change meanwhile */
    long lines = target_name(&t) ? target_count(&t, look_for_library, &library) : -ENOENT;
    if (lines == -ENOENT && access("/proc/self/comm", R_OK) != 0)
        why = enough_text("/proc is not mounted; nothing is known of any process without it");
    else if (lines == -ENOENT || lines == -ESRCH)
        why = why_gone(pid);
    else if (lines == -EACCES || lines == -EPERM)
        why = enough_text("the maps of process %d (%s) may not be read; that takes its user or "
                          "CAP_SYS_PTRACE",
                          (int)pid, t.name);
    else if (lines <= 0)
        why = enough_text("process %d (%s) has no maps: it has ended, or is a thread of the kernel",
                          (int)pid, t.name);
    else if (!library.there)
        why = enough_text("the library is not in process %d (%s), so nothing of it is recorded; "
                          "start it with 'mapherd run', or with LD_PRELOAD",
                          (int)pid, t.name);
    else
        why = why_not_yet(&t, library.base, reason);
    free(reason);
    return why;
}

/* Says which of the chosen processes the library is not in, and how many may not be read. */
static void complain_without(const struct chosen *without, size_t unreadable,
                             const struct chosen *all)
{
    enum { NAMED = 10 };
    char *names = enough_text("%s", "");
    size_t left = NAMED;
    for (size_t i = 0; i < without->n && left; i++) {
        struct target t = { .pid = without->at[i] };
        if (!target_name(&t))
            continue; /* it has ended */
        left--;
        char *longer = enough_text("%s%s%d (%s)", names, *names ? ", " : "", (int)t.pid, t.name);
        free(names);
        names = longer;
    }
    if (*names)
        complain("the library is not in %zu of the %zu processes: %s%s", without->n, all->n, names,
                 without->n > NAMED ? ", and others" : "");
    if (unreadable)
        complain(
            "%zu of the %zu processes may not be read; that takes their user or CAP_SYS_PTRACE",
            unreadable, all->n);
    if (all->unseen)
        complain("%ld process%s of the cgroup cannot be seen from this PID namespace", all->unseen,
                 all->unseen == 1 ? "" : "es");
    free(names);
}

void leaks_operands(const struct leaks_asked *asked, struct texts *operands)
{
    struct chosen without = { 0 };
    size_t unreadable = 0;
    for (int i = 0; i < asked->n; i++)
        texts_copy(operands, asked->operands[i]);
    for (size_t i = 0; i < asked->chosen.n; i++) {
        pid_t pid = asked->chosen.at[i];
        enum presence presence = presence_in(pid);
        if (presence == IS_IN)
            texts_take(operands, enough_text("%d", (int)pid));
        else if (presence == IS_NOT_KNOWN)
            unreadable++;
        else if (pid != getpid())
            chosen_add(&without, pid);
    }
    complain_without(&without, unreadable, &asked->chosen);
    chosen_free(&without);
}

/* ---- --start and --stop ---- */

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

/* A process that was told something. */
struct told {
    int fd; /* its record; -1: it was not told */
    struct mapherd_record_head before;
};

static bool is_recording(int fd)
{
    uint32_t leaks = 0;
    off_t at = offsetof(struct mapherd_record_head, leaks);
    return pread(fd, &leaks, sizeof leaks, at) == (ssize_t)sizeof leaks && leaks != 0;
}

/* Tells one process. False after a complaint. */
static bool tell(const char *operand, bool on, struct told *told)
{
    char path[RECORD_PATH];
    pid_t pid;
    bool is_pid = live_is_pid(operand, &pid);
    *told = (struct told){ .fd = -1 };
    if (!is_pid && !is_listened_to(operand))
        return false;
    int fd = is_pid ? record_open_of(pid, O_RDWR, path) : record_open(operand, O_RDWR | O_NOFOLLOW);
    if (fd < 0 && is_pid) {
        char *why = leaks_why_none(pid, record_problem());
        complain("%s", why);
        free(why);
        return false;
    }
    if (fd >= 0 &&
        record_want(fd, on ? MAPHERD_WANTED_START : MAPHERD_WANTED_STOP, &told->before)) {
        told->fd = fd;
        told->before.program[sizeof told->before.program - 1] = '\0';
        return true;
    }
    complain("%s: %s", operand, record_problem());
    if (fd >= 0)
        close(fd);
    return false;
}

/* Waits until each process has done what it was told, for a second at most. */
static void await(const struct told *told, size_t n, bool on)
{
    enum { TURNS = 50, TURN_MS = 20 };
    for (size_t i = 0, turns = 0; i < n && turns < TURNS;) {
        if (told[i].fd < 0 || is_recording(told[i].fd) == on) {
            i++;
            continue;
        }
        nanosleep(&(struct timespec){ .tv_nsec = TURN_MS * 1000000 }, NULL);
        turns++;
    }
}

static void print_told(const struct told *t, bool on)
{
    const struct mapherd_record_head *h = &t->before;
    print_text(stdout, h->program);
    printf("[%d]", (int)h->pid);
    if ((h->leaks != 0) == on)
        printf(": its mappings are %s.\n", on ? "recorded already" : "not recorded as it is");
    else if (is_recording(t->fd) == on)
        printf(": its mappings are %s.\n", on ? "recorded from now on" : "no longer recorded");
    else
        printf(" is told to %s; it does so with its next call that maps or unmaps. It has made no "
               "such call for a second, so it may be idle.\n",
               on ? "record its mappings" : "stop recording");
}

int leaks_switch(const struct leaks_asked *asked, bool on)
{
    struct texts text = { 0 };
    leaks_operands(asked, &text);
    size_t n = text.n, named = (size_t)asked->n, heard = 0;
    struct told *told = enough(calloc(n + 1, sizeof *told));
    /* Of processes that belong together some may have nothing to record, as an idle master. */
    for (size_t i = 0; i < n; i++)
        heard += tell(text.at[i], on, &told[i]);
    int result = heard ? DONE : FAILED;
    for (size_t i = 0; i < named; i++)
        if (told[i].fd < 0)
            result = FAILED;
    await(told, n, on);
    for (size_t i = 0; i < n; i++) {
        if (told[i].fd < 0)
            continue;
        print_told(&told[i], on);
        close(told[i].fd);
    }
    free(told);
    texts_free(&text);
    return result;
}
