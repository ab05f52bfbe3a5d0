/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd report: one HTML page about a process, with nothing in it that is loaded from elsewhere.
 */
#define _GNU_SOURCE
#include <config.h>

#include "command/report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "command/leaks/leaks.h"
#include "command/lib/enough.h"
#include "command/report/space.h"
#include "command/watch/processes.h"
#include "command/watch/target.h"

/* ---- the trend: whether the count grows, since when, and how fast ---- */

/*
 * The count grows since the last time at which it was as low as it ever was. But if it has hardly
 * changed for half of the time that is known, it is steady since it came to its present value.
 */

struct point {
    uint64_t time; /* s since 1970, the end of what the point stands for */
    int64_t count;
};

bool report_point_counts(const struct mapherd_record_point *p, unsigned level, unsigned n,
                         uint64_t now_s)
{
    uint64_t span = level < 16 ? 1ull << 2 * level : 1ull << 32;
    return p->time && p->count >= 0 && p->count <= INT32_MAX && p->time <= now_s &&
           p->time + span * n > now_s;
}

/*
 * Takes the finest point for each time. A point of level k is for 4^k seconds, and has the count of
 * the last of them. So a point that reaches into the time of a finer one tells nothing of the time
 * before that.
 */
static size_t merge(const struct mapherd_record_point *points, unsigned levels, unsigned a_level,
                    uint64_t now_s, struct point *merged)
{
    uint64_t edge = now_s + 1; /* finer points cover what is later */
    size_t n = 0;
    for (unsigned level = 0; level < levels && level < 16; level++) {
        uint64_t earliest = edge;
        for (unsigned i = 0; i < a_level; i++) {
            const struct mapherd_record_point *p = &points[(size_t)level * a_level + i];
            uint64_t span = 1ull << 2 * level;
            if (!report_point_counts(p, level, a_level, now_s) || p->time + span > edge)
                continue;
            if (p->time < earliest)
                earliest = p->time;
            merged[n++] = (struct point){ p->time + span - 1, p->count };
        }
        edge = earliest;
    }
    qsort(merged, n, sizeof *merged, sorted_order);
    return n;
}

/* The trend that the points of a record show: levels rings of a_level points each. */
static struct trend trend_of(const struct mapherd_record_point *points, unsigned levels,
                             unsigned a_level, uint64_t now_s)
{
    struct trend c = { 0 };
    struct point *all = enough(calloc((size_t)levels * a_level + 1, sizeof *all));
    size_t n = merge(points, levels, a_level, now_s, all), low = 0, near;
    if (n == 0)
        goto out;
    c.known = true;
    c.begin_s = all[0].time;
    c.now = (long)all[n - 1].count;
    for (size_t i = 0; i < n; i++)
        if (all[i].count <= all[low].count)
            low = i;
    int64_t slack = c.now / 20 > 50 ? c.now / 20 : 50;
    for (near = n - 1; near > 0; near--)
        if (all[near - 1].count > c.now + slack || all[near - 1].count < c.now - slack)
            break;
    bool steady = (now_s - all[near].time) * 2 >= now_s - all[0].time;
    c.grows = !steady && c.now - all[low].count > slack;
    c.since_s = all[c.grows ? low : near].time;
    c.from = (long)all[c.grows ? low : near].count;
    if (c.grows && (now_s - all[near].time) * 4 >= now_s - c.since_s)
        c.still_s = all[near].time;
    if (c.grows && now_s > c.since_s)
        c.a_minute = (double)(c.now - c.from) * 60 / (double)(now_s - c.since_s);
out:
    free(all);
    return c;
}

/* ---- a process without a record: what the kernel tells ---- */

struct listed {
    struct live_map *maps;
    size_t n, room;
    bool preloaded;
};

static void take_map(const struct procmap *m, void *context)
{
    struct listed *l = context;
    l->maps = enough_room(l->maps, l->n, &l->room, sizeof *l->maps);
    struct live_map *new = &l->maps[l->n];
    *new = live_map_of(m);
    /* Neighbours are of one file as a rule. They go with the process. */
    new->path = l->n &&strcmp(new[-1].path, m->path) == 0 ? new[-1].path : enough(strdup(m->path));
    l->n++;
    l->preloaded |= peek_is_library(m);
}

static void read_arguments(struct report *r)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)r->pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    size_t n = fread(r->arguments, 1, sizeof r->arguments - 1, f);
    fclose(f);
    while (n && r->arguments[n - 1] == '\0')
        n--;
    for (size_t i = 0; i < n; i++)
        if (r->arguments[i] == '\0')
            r->arguments[i] = ' ';
    r->arguments[n] = '\0';
}

static int look_without(struct report *r, const struct verb *v, const char *operand)
{
    struct target target;
    struct listed listed = { 0 };
    char *argv[] = { (char *)operand, NULL };
    if (live_is_pid(operand, &target.pid) && !target_name(&target)) {
        char *why = leaks_why_none(target.pid, "");
        complain("%s", why);
        free(why);
        return FAILED;
    }
    int found = target_find(v, 1, argv, &target);
    if (found == DONE)
        found = target_read(&target, take_map, &listed);
    if (found != DONE)
        return found;
    r->pid = target.pid;
    snprintf(r->program, sizeof r->program, "%s", target.name);
    gethostname(r->host, sizeof r->host - 1);
    read_arguments(r);
    r->count = target.maps;
    r->limit = target.limit > 0 ? target.limit : -1;
    r->preloaded = listed.preloaded;
    if (!r->preloaded)
        snprintf(r->why, sizeof r->why, "mapherd is not in this process");
    r->maps = listed.maps;
    r->map_count = listed.n;
    r->live.state = LIVE_RUNNING;
    r->live.pid = target.pid;
    r->live.now_ms = r->made_ms;
    return DONE;
}

/* ---- a record ---- */

/* The recorded mappings of a process that is gone, as if they were maps. */
static void maps_of_pieces(struct report *r)
{
    const struct record *record = r->live.record;
    struct live_map *maps = enough(calloc(record->piece_count + 1, sizeof *maps));
    const char **paths = enough(calloc(record->file_count + 1, sizeof *paths));
    for (size_t i = 1; i < record->file_count; i++)
        paths[i] = live_file(&r->live, (uint32_t)i);
    for (size_t i = 0; i < record->piece_count; i++) {
        const struct mapherd_record_mapping *p = &record->pieces[i];
        const struct mapherd_record_file *file = &record->files[p->file];
        unsigned prot = MAPHERD_RECORD_PROT(p->flags);
        maps[i] = (struct live_map){
            .start = p->start,
            .end = p->end,
            .offset = p->offset,
            .read = prot & 1,
            .write = (prot >> 1) & 1,
            .exec = (prot >> 2) & 1,
            .shared = MAPHERD_RECORD_SHARED(p->flags),
            .path = "",
            .recorded = true,
        };
        if (p->file) {
            maps[i].device = file->dev;
            maps[i].inode = file->ino;
            maps[i].path = paths[p->file];
            maps[i].deleted = pieces_deleted(maps[i].path);
        }
    }
    free(paths);
    r->maps = maps;
    r->map_count = record->piece_count;
    r->of_pieces = true;
}

static void look_at_record(struct report *r)
{
    const struct mapherd_record_head *h = &r->live.record->head;
    r->pid = h->pid;
    snprintf(r->program, sizeof r->program, "%s", h->program);
    snprintf(r->host, sizeof r->host, "%s", h->host);
    snprintf(r->arguments, sizeof r->arguments, "%s", h->arguments);
    r->preloaded = true;
    r->trend = trend_of(r->live.record->points, h->history_levels, h->history_points,
                        r->live.now_ms / 1000);
    /* The kernel's are ints: what a record says may be anything. */
    r->limit = r->live.limit > 0 && r->live.limit <= INT32_MAX ? r->live.limit : -1;
    if (r->live.joined) {
        r->count = (long)r->live.map_count;
        r->maps = r->live.maps;
        r->map_count = r->live.map_count;
    } else {
        r->count = r->trend.known ? r->trend.now : (long)h->status.bound;
        if (r->count < 0 || r->count > INT32_MAX)
            r->count = -1;
        maps_of_pieces(r);
    }
    groups_make(&r->stacks, &r->live, 1, GROUP_STACK, 0);
    groups_make(&r->files, &r->live, 1, GROUP_FILE, 0);
    groups_make(&r->suffixes, &r->live, 1, GROUP_SUFFIX, 0);
    groups_make(&r->deleted, &r->live, 1, GROUP_DELETED, 0);
}

/* ---- cold mappings ---- */

static bool read_again(struct process *one, pid_t pid)
{
    size_t none = 0;
    return process_read(one, pid, NULL, &none) && one->told;
}

/* Whether a process thrashes now, an average since it began does not tell: one that runs is watched
 * for a second, if it has cold mappings. */
static void look_at_cold(struct report *r)
{
    const struct mapherd_record_head *h = r->live.record ? &r->live.record->head : NULL;
    bool running = r->live.state == LIVE_RUNNING && r->live.pid && r->preloaded;
    struct process first, second;
    if (running && read_again(&first, r->live.pid)) {
        uint64_t from = units_now(CLOCK_MONOTONIC);
        r->cold = first.cold;
        if (!first.block.cold)
            return;
        nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
        r->cold_now = read_again(&second, r->live.pid);
        if (r->cold_now)
            r->cold = cold_between(&first.block, &second.block, units_now(CLOCK_MONOTONIC) - from);
    } else if (h && r->live.now_ms > h->since_ms) {
        r->cold = cold_between(NULL, &h->status, r->live.now_ms - h->since_ms);
    }
}

/* ---- the one or the other ---- */

/* Fills r from a process id or the path of a record. Returns DONE, or, after a complaint, the
 * status to end with. */
static int look(struct report *r, const struct verb *v, const char *operand, const char *debug_dir)
{
    const char *why = "";
    bool is_pid = operand[0] && strspn(operand, "0123456789") == strlen(operand);
    r->made_ms = units_now(CLOCK_REALTIME);
    if (live_open(&r->live, operand, debug_dir, &why)) {
        look_at_record(r);
    } else if (is_pid) {
        snprintf(r->why, sizeof r->why, "%s", why);
        memset(&r->live, 0, sizeof r->live);
        int found = look_without(r, v, operand);
        if (found != DONE)
            return found;
    } else {
        complain("%s: %s", operand, why);
        return FAILED;
    }
    look_at_cold(r);
    struct target target = { .pid = r->live.state == LIVE_RUNNING ? r->live.pid : 0 };
    struct patient patient = { .pid = target.pid,
                               .threads = target.pid ? target_threads(&target) : 0,
                               .limit = r->limit,
                               .preloaded = r->preloaded };
    r->space = space_make(r->maps, r->map_count, &patient);
    return DONE;
}

/* ---- the verb ---- */

/* The page's own script and style bear this number; nothing else in it is run or applied. */
static void make_nonce(char nonce[33])
{
    unsigned char random[16] = { 0 };
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        complain("the kernel gives no random numbers");
        exit(FAILED);
    }
    for (size_t i = 0; i < sizeof random; i++)
        sprintf(nonce + 2 * i, "%02x", random[i]);
}

static void put_lines(const char *const *lines, FILE *out)
{
    for (; *lines; lines++) {
        fputs(*lines, out);
        putc('\n', out);
    }
}

static void put_foot(const struct report *r, FILE *out)
{
    size_t n = 0;
    fputs("<p>Made by " PACKAGE_STRING, out);
    if (r->live.record) {
        fputs(" from ", out);
        print_html(out, r->live.record->path);
        const char *const *notes = symbols_notes(r->live.symbols, &n);
        if (r->live.record->dropped)
            fprintf(out, "; %s pieces in it made no sense",
                    grouped((long long)r->live.record->dropped));
        fputs(".</p>", out);
        for (size_t i = 0; i < n; i++) {
            fputs("\n<p>", out);
            print_html(out, notes[i]);
            fputs("</p>", out);
        }
    } else {
        fputs(".</p>", out);
    }
}

/* What stands for @NAME@. The data come before the foot: notes about names are known by then. */
static void put_part(const char *part, const struct report *r, const char *nonce, FILE *out)
{
    if (strcmp(part, "policy") == 0) {
        fprintf(out,
                "default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; img-src data:; "
                "base-uri 'none'; form-action 'none'",
                nonce, nonce);
    } else if (strcmp(part, "nonce") == 0) {
        fputs(nonce, out);
    } else if (strcmp(part, "title") == 0) {
        print_html(out, r->program);
        fprintf(out, " %d: memory maps", (int)r->pid);
    } else if (strcmp(part, "css") == 0) {
        put_lines(page_css, out);
    } else if (strcmp(part, "js") == 0) {
        fputs("\"use strict\";\n", out);
        put_lines(page_js, out);
    } else if (strcmp(part, "head") == 0) {
        report_words(r, out);
    } else if (strcmp(part, "data") == 0) {
        report_data(r, out);
    } else {
        put_foot(r, out);
    }
}

static void put_page(const struct report *r, FILE *out)
{
    char nonce[33];
    make_nonce(nonce);
    for (const char *const *line = page_html; *line; line++) {
        const char *rest = *line;
        for (const char *at; (at = strchr(rest, '@'));) {
            char part[16];
            size_t len = strcspn(at + 1, "@");
            snprintf(part, sizeof part, "%.*s", (int)len, at + 1);
            fwrite(rest, 1, (size_t)(at - rest), out);
            put_part(part, r, nonce, out);
            rest = at + len + 2;
        }
        fputs(rest, out);
        putc('\n', out);
    }
}

/* The whole page is there before anything is written: what cannot be made overwrites nothing. */
static int write_page(const char *page, size_t len, const char *path)
{
    FILE *out = fopen(path, "we");
    if (!out) {
        complain("%s cannot be written: %s", path, strerror(errno));
        return FAILED;
    }
    bool good = fwrite(page, 1, len, out) == len;
    if (fclose(out) != 0 || !good) {
        complain("%s could not be written: %s", path, strerror(errno));
        return FAILED;
    }
    return DONE;
}

static int report(int argc, char **argv)
{
    const char *path = NULL, *debug_dir = NULL;
    bool json = false;
    const struct flag flags[] = {
        { "o", NULL, &path },
        { "debug-dir", NULL, &debug_dir },
        { "json", &json, NULL },
        { NULL, NULL, NULL },
    };
    static struct report r = { .limit = -1 };
    char *page;
    size_t len;
    int operands = verb_args(&verb_report, flags, argc, argv);
    if (operands != 1)
        return misused(&verb_report, operands ? "one process or record at a time"
                                              : "no process is named, nor a record");
    if (!path && !json && isatty(STDOUT_FILENO))
        return misused(&verb_report,
                       "a page is not for a terminal: say where it goes with -o FILE");
    int found = look(&r, &verb_report, argv[0], debug_dir);
    if (found != DONE)
        return found;
    FILE *out = open_memstream(&page, &len);
    if (!out)
        enough(NULL);
    (json ? report_json : put_page)(&r, out);
    if (fclose(out) != 0)
        enough(NULL);
    if (path)
        found = write_page(page, len, path);
    else
        fwrite(page, 1, len, stdout);
    free(page);
    return found;
}

const struct verb verb_report = {
    .name = "report",
    .synopsis = "[-o FILE] [--json] [--debug-dir DIR] PID|RECORD",
    .summary = "make an HTML page: how close to the limit, who, since when, what to do",
    .help =
        "One file that needs nothing else: the count over time against the limit with the events, a\n"
        "flame graph of the live mappings, the address space, and tables. Of a process without a record\n"
        "(the library is not in it, or keeps none) it shows what the kernel tells. A record shows what\n"
        "was recorded, also when its process is gone.\n\n"
        "  -o FILE          where the page goes; else to standard output\n"
        "  --json           one JSON object instead: the numbers, the count over time, the events\n"
        "  --debug-dir DIR  where separate debug files are, besides /usr/lib/debug\n",
    .run = report,
};
