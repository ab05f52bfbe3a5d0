/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * processes: walks /proc. A process that ends meanwhile is left out.
 */
#define _GNU_SOURCE
#include "command/watch/processes.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command/lib/enough.h"
#include "command/lib/reach.h"
#include "command/watch/target.h"

/* A name for a user id; the last few are remembered: asking may go over the network. */
static const char *user_name(uid_t uid)
{
    enum { KNOWN = 16 };
    static struct {
        uid_t uid;
        char name[33];
    } known[KNOWN];
    static unsigned used;
    for (unsigned i = 0; i < used && i < KNOWN; i++)
        if (known[i].uid == uid)
            return known[i].name;
    unsigned at = used++ % KNOWN;
    const struct passwd *entry = getpwuid(uid);
    known[at].uid = uid;
    if (entry)
        snprintf(known[at].name, sizeof known[at].name, "%s", entry->pw_name);
    else
        snprintf(known[at].name, sizeof known[at].name, "%u", (unsigned)uid);
    return known[at].name;
}

struct scan {
    struct pieces *pieces; /* NULL: nobody asks who holds the maps */
    uint64_t library;      /* its first page; 0: it is not there */
};

static void take_map(const struct procmap *m, void *context)
{
    struct scan *r = context;
    if (r->pieces)
        pieces_add(r->pieces, m);
    if (!r->library && m->offset == 0 && peek_is_library(m))
        r->library = m->start;
}

/* target_count's answer; -ENOENT if there is no such process. */
static long look(struct process *one, pid_t pid, struct pieces *pieces)
{
    struct stat st;
    struct scan r = { pieces, 0 };
    char path[32];
    *one = (struct process){ .target = { .pid = pid } };
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &st) != 0 || !target_name(&one->target))
        return -ENOENT;
    one->started = process_started(pid);
    one->user = user_name(st.st_uid);
    one->target.limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    long lines = target_count(&one->target, take_map, &r);
    one->preloaded = r.library != 0;
    one->told = r.library && peek_status(pid, r.library, &one->block) == NULL;
    if (one->told)
        one->cold = cold_between(NULL, &one->block, process_age(one->started));
    return lines;
}

static size_t most_of(const struct target *t, const struct pieces *pieces, struct held_row *rows,
                      size_t n)
{
    struct held held = held_by(pieces, target_threads(t));
    size_t have = held_rows(&held, rows, n);
    held_free(&held);
    return have;
}

bool process_read(struct process *one, pid_t pid, struct held_row *most, size_t *n_most)
{
    struct pieces pieces = { 0 };
    bool there = look(one, pid, &pieces) > 0;
    if (there)
        *n_most = most_of(&one->target, &pieces, most, *n_most);
    pieces_free(&pieces);
    return there;
}

static void add(struct processes *p, pid_t pid, bool holders)
{
    struct process one;
    struct pieces pieces = { 0 };
    long lines = look(&one, pid, holders ? &pieces : NULL);
    if (lines > 0) {
        if (holders)
            most_of(&one.target, &pieces, &one.most, 1);
        p->at = enough_room(p->at, p->n, &p->room, sizeof *p->at);
        p->at[p->n++] = one;
    } else if (lines == -EACCES || lines == -EPERM) {
        p->unreadable++;
    }
    pieces_free(&pieces);
}

static int by_maps(const void *left, const void *right)
{
    const struct target *a = &((const struct process *)left)->target;
    const struct target *b = &((const struct process *)right)->target;
    return a->maps != b->maps ? (a->maps < b->maps ? 1 : -1) : a->pid - b->pid;
}

void processes_read(struct processes *p, bool holders)
{
    p->n = 0;
    p->unreadable = 0;
    DIR *proc = opendir("/proc");
    for (const struct dirent *entry; proc && (entry = readdir(proc));) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (!*end && pid > 0)
            add(p, (pid_t)pid, holders);
    }
    if (proc)
        closedir(proc);
    if (p->n) /* the limit is one for all: most maps is nearest */
        qsort(p->at, p->n, sizeof *p->at, by_maps);
}

bool processes_have_cold(const struct processes *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i].block.cold)
            return true;
    return false;
}

bool process_pace(const struct process *one, long *a_minute)
{
    enum { STALE_MS = 120000 };
    if (!one->told || !one->block.pace_ms)
        return false;
    /* It is found anew every few hundred calls: none for minutes, so no growth. */
    *a_minute = units_now(CLOCK_MONOTONIC) - one->block.pace_ms > STALE_MS ? 0 : one->block.pace;
    return true;
}

const char *process_reached(const struct process *one)
{
    char library[PATH_MAX], why[PATH_MAX + 200], path[PATH_OF_PROGRAM];
    uint32_t state = one->told ? one->block.state : MAPHERD_PASSIVE;
    if (one->preloaded && state != MAPHERD_HERDING && state != MAPHERD_OBSERVING)
        return "passive";
    if (one->preloaded)
        return one->block.sites ? "sites" : "symbols";
    if (library_locate(library, sizeof library))
        return "no";
    enum reach reach = program_reach(program_of(one->target.pid, path), library, why, sizeof why);
    return reach == REACH_NO || reach == REACH_CHILDREN ? "never" : "no";
}

static void process_json(const struct process *one, struct json *j)
{
    long a_minute = 0;
    json_open(j, NULL, '{');
    target_json(&one->target, j);
    json_text(j, "user", one->user);
    json_bool(j, "preloaded", one->preloaded);
    json_text(j, "reached", process_reached(one));
    bool known = process_pace(one, &a_minute);
    json_if_known(j, "maps_a_minute", known, a_minute);
    if (one->told) {
        json_open(j, "library", '{');
        json_number(j, "spill_waiting", (long long)one->block.spill_waiting);
        json_number(j, "errors_pending", (long long)one->block.errors_pending);
        json_number(j, "cold", (long long)one->block.cold);
        json_number(j, "warm", (long long)one->block.warm);
        json_number(j, "warmed", (long long)one->block.warmed);
        json_number(j, "cold_early", (long long)one->block.cold_early);
        json_number(j, "cold_failed", (long long)one->block.cold_failed);
        cold_json(&one->cold, j);
        json_close(j, '}');
    }
    if (one->most.maps)
        held_json(&one->most, "holder", j);
    json_close(j, '}');
}

void processes_json(const struct processes *p, size_t most)
{
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    json_number(&j, "readable", (long long)p->n);
    json_number(&j, "unreadable", p->unreadable);
    json_open(&j, "processes", '[');
    for (size_t i = 0; i < p->n && i < most; i++)
        process_json(&p->at[i], &j);
    json_close(&j, ']');
    json_close(&j, '}');
    putchar('\n');
}
