/*
 * report_look: finds out everything that the page tells, before a line of it is written.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/watch/peek.h"
#include "command/report/report.h"
#include "command/report/space.h"
#include "command/watch/target.h"

static uint64_t ms_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
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
    *new = (struct live_map){
        .start = m->start, .end = m->end, .offset = m->offset, .inode = m->inode,
        .device = (uint64_t)m->dev_major << 32 | m->dev_minor, .read = m->read, .write = m->write,
        .exec = m->exec, .shared = m->shared, .deleted = pieces_deleted(m->path),
    };
    /* Neighbours are of one file as a rule. They go with the process. */
    new->path = l->n && strcmp(new[-1].path, m->path) == 0 ? new[-1].path : enough(strdup(m->path));
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
            .start = p->start, .end = p->end, .offset = p->offset, .read = prot & 1,
            .write = (prot >> 1) & 1, .exec = (prot >> 2) & 1,
            .shared = MAPHERD_RECORD_SHARED(p->flags), .path = "", .recorded = true,
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
    r->course = report_course(r->live.record->points, h->history_levels, h->history_points,
                              r->live.now_ms / 1000);
    /* The kernel's are ints: what a record says may be anything. */
    r->limit = r->live.limit > 0 && r->live.limit <= INT32_MAX ? r->live.limit : -1;
    if (r->live.joined) {
        r->count = (long)r->live.map_count;
        r->maps = r->live.maps;
        r->map_count = r->live.map_count;
    } else {
        r->count = r->course.known ? r->course.now : (long)h->status.bound;
        if (r->count < 0 || r->count > INT32_MAX)
            r->count = -1;
        maps_of_pieces(r);
    }
    groups_make(&r->stacks, &r->live, GROUP_STACK, 0);
    groups_make(&r->files, &r->live, GROUP_FILE, 0);
    groups_make(&r->suffixes, &r->live, GROUP_SUFFIX, 0);
    groups_make(&r->deleted, &r->live, GROUP_DELETED, 0);
}

int report_look(struct report *r, const struct verb *v, const char *operand, const char *debug_dir)
{
    const char *why = "";
    bool is_pid = operand[0] && strspn(operand, "0123456789") == strlen(operand);
    r->made_ms = ms_now();
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
    r->space = space_make(r->maps, r->map_count);
    return DONE;
}
