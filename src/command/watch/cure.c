/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cure: see cure.h. The rules are those of the library's rooms, which it names.
 */
#define _GNU_SOURCE
#include "command/watch/cure.h"
#include "command/lib/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command/watch/given.h"
#include "command/watch/target.h"
#include "common/pages.h"
#include "kernel/markers.h"

/* ---- what this kernel can do ---- */

static bool takes_markers(void)
{
    void *page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return false;
    bool takes = markers_put((uintptr_t)page, (uintptr_t)page + page_size) == 0;
    munmap(page, page_size);
    return takes;
}

/* ---- files ---- */

enum { FIRST_LONE = 1, LONE_IN_GAPS = 5 };
#define GAP_MOST (16ull << 20)

struct herd {
    long placing, filling;
    uint64_t filled; /* bytes of gaps */
};

/* The pieces of one file with one access. */
static struct herd herd_parts(const struct piece *p, long n)
{
    struct herd h = { 0, 0, 0 };
    long in_order = pieces_least(p, (size_t)n, 0, NULL);
    long filled = p->access & PIECE_SHARED ? pieces_least(p, (size_t)n, GAP_MOST, &h.filled) : n;
    if (in_order < n) {
        h.placing = n - in_order - FIRST_LONE;
        h.filling = in_order - filled;
    } else {
        h.filling = n - filled - LONE_IN_GAPS;
    }
    h.filling = h.filling > 0 ? h.filling : 0;
    return h;
}

/* ---- which filesystem a file is on ---- */

struct mount {
    uint64_t device;
    char point[256], type[24];
};

/* The mounts that the process sees, and the answers for the devices that were asked for. */
struct mounts {
    struct mount *at;
    size_t n, room;
    struct numbers known;
    enum local { LOCAL_NO, LOCAL_YES, LOCAL_OVERLAY } * answers;
    size_t answer_room;
};

/* "\040" is a space (proc_pid_mountinfo(5)). */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned code;
        if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
            *to = (char)code;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static struct mounts read_mounts(pid_t pid)
{
    struct mounts m = { 0 };
    char path[64], *line = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)pid);
    FILE *f = pid ? fopen(path, "re") : NULL;
    while (f && getline(&line, &size, f) > 0) {
        struct mount one = { 0 };
        unsigned major, minor;
        const char *rest = strstr(line, " - ");
        if (!rest || sscanf(line, "%*d %*d %u:%u %*s %255s", &major, &minor, one.point) != 3 ||
            sscanf(rest, " - %23s", one.type) != 1)
            continue;
        one.device = (uint64_t)major << 32 | minor;
        unescape(one.point);
        m.at = enough_room(m.at, m.n, &m.room, sizeof *m.at);
        m.at[m.n++] = one;
    }
    free(line);
    if (f)
        fclose(f);
    return m;
}

static bool is_under(const char *path, const char *point)
{
    size_t len = strlen(point);
    return strncmp(path, point, len) == 0 && (len == 1 || path[len] == '/');
}

/* btrfs and overlayfs show another device in the list of VMAs: there the path decides. */
static const struct mount *mount_of(const struct mounts *m, const struct piece *p)
{
    const struct mount *found = NULL;
    for (size_t i = 0; i < m->n; i++)
        if (m->at[i].device == p->device)
            return &m->at[i];
    for (size_t i = 0; i < m->n; i++)
        if (is_under(p->path, m->at[i].point) &&
            (!found || strlen(m->at[i].point) >= strlen(found->point)))
            found = &m->at[i];
    return found;
}

/* limit/coldwhich.h */
static enum local local_by_type(const char *type)
{
    static const char *const types[] = { "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "tmpfs" };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return LOCAL_YES;
    return strcmp(type, "overlay") == 0 ? LOCAL_OVERLAY : LOCAL_NO;
}

static enum local local_of(struct mounts *m, const struct piece *p)
{
    size_t before = m->known.n, number = numbers_of(&m->known, p->device);
    if (number == before) {
        const struct mount *on = mount_of(m, p);
        m->answers = enough_room(m->answers, number, &m->answer_room, sizeof *m->answers);
        m->answers[number] = on ? local_by_type(on->type) : LOCAL_NO;
    }
    return m->answers[number];
}

static void free_mounts(struct mounts *m)
{
    free(m->at);
    free(m->answers);
    numbers_free(&m->known);
}

/* ---- all files ---- */

static bool may_be_cold(const struct piece *p)
{
    return (p->access & PIECE_READ) && !(p->access & PIECE_EXEC) &&
           ((p->access & PIECE_SHARED) || !(p->access & PIECE_WRITE));
}

/* A regular file, as far as its path tells. Those of memfd_create(2) are left out: programs map
 * them at addresses of their own as a rule, as the JVM does with its heap. */
static bool is_regular(const struct piece *p)
{
    static const char *const others[] = { "/dev/", "/sys/", "/proc/" };
    bool regular = p->memory == MEMORY_FILE && p->path[0] == '/';
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        regular &= strncmp(p->path, others[i], strlen(others[i])) != 0;
    return regular || strncmp(p->path, "/dev/shm/", 9) == 0;
}

static bool is_image(const struct mapped_file *f, const struct piece *p)
{
    for (long i = 0; i < f->maps; i++)
        if (p[i].access & PIECE_EXEC)
            return true;
    return false;
}

/* Parts of a file that are more than its beginning lie in a window from the fifth on
 * (space/windows.h), and what lies there cannot be cold. */
static bool in_window(const struct piece *p, long n, bool preloaded)
{
    enum { LONE = 4 };
    return p[n - 1].from != 0 && n > (preloaded ? 1 : LONE);
}

static void herd_file(struct cure *c, const struct mapped_file *f, const struct piece *p,
                      uint64_t *filled, long *overlay, struct mounts *mounts)
{
    for (long i = 0, next; i < f->maps; i = next) {
        for (next = i + 1; next < f->maps && p[i].access == p[next].access; next++)
            ;
        struct herd h = herd_parts(p + i, next - i);
        c->placing += h.placing;
        c->filling += h.filling;
        *filled += h.filling ? h.filled : 0;
        bool may = !c->go && !in_window(p + i, next - i, c->preloaded) && may_be_cold(p + i);
        enum local local = may && !h.placing && !h.filling ? local_of(mounts, p + i) : LOCAL_NO;
        c->cooling += local != LOCAL_NO ? next - i : 0;
        *overlay += local == LOCAL_OVERLAY ? next - i : 0;
    }
}

static void herd_files(struct cure *c, const struct pieces *pieces, pid_t pid)
{
    struct piece *sorted;
    size_t n;
    struct mapped_file *files = pieces_files(pieces, &n, &sorted);
    struct mounts mounts = read_mounts(pid);
    uint64_t filled = 0, room;
    long overlay = 0;
    for (size_t i = 0; i < n; i++)
        if (is_regular(sorted + files[i].first) && !is_image(&files[i], sorted + files[i].first))
            herd_file(c, &files[i], sorted + files[i].first, &filled, &overlay, &mounts);
    c->overlay = overlay * 2 > c->cooling;
    if (!c->file_markers)
        c->filling = 0;
    /* The page tables of what is filled may take a 64th of the memory (retained_room). */
    room = (uint64_t)sysconf(_SC_PHYS_PAGES) * page_size / 64 / sizeof(uint64_t) * page_size;
    if (filled > room)
        c->filling = (long)((double)c->filling * (double)room / (double)filled);
    free_mounts(&mounts);
    free(sorted);
    free(files);
}

/* ---- guards ---- */

static bool touch(const struct piece *a, const struct piece *b)
{
    return a->memory == MEMORY_PRIVATE && b->memory == MEMORY_PRIVATE &&
           a->start + (a->to - a->from) == b->start && strcmp(a->path, b->path) == 0;
}

/* The protection that a VMA has after it has become part of a neighbour; its own if it is no
 * guard. */
static int access_after(const struct pieces *p, size_t i, bool *guard)
{
    const struct piece *one = &p->at[i];
    *guard = false;
    if (one->memory != MEMORY_PRIVATE || one->access ||
        (one->to - one->from) / page_size > MARKERS_LOOK)
        return one->access;
    const struct piece *beside = i + 1 < p->n && touch(one, one + 1) && one[1].access ? one + 1
                                 : i > 0 && touch(one - 1, one) && one[-1].access     ? one - 1
                                                                                      : NULL;
    *guard = beside != NULL;
    return beside ? beside->access : 0;
}

static bool has_file(const struct pieces *p, const char *beginning)
{
    for (size_t i = 0; i < p->n; i++)
        if (strncmp(base_name(p->at[i].path), beginning, strlen(beginning)) == 0)
            return true;
    return false;
}

/* Whether the library sees the stacks that libc makes for threads (entry/redirect.h). Before glibc
 * 2.34 they were made in a library of its own, libpthread-2.31.so for instance. */
static bool sees_stacks(const struct pieces *p)
{
#if defined(__x86_64__)
    const bool sites = true;
#else
    const bool sites = false;
#endif
    return sites && has_file(p, "libc.so.6") && !has_file(p, "libpthread-");
}

/* Borders of guards that would go: then both sides are one VMA. */
static void herd_guards(struct cure *c, const struct pieces *p, long threads)
{
    long guards = 0, borders = 0;
    int before = 0;
    bool was_guard = false;
    for (size_t i = 0; i < p->n && c->markers; i++) {
        bool is_guard;
        int access = access_after(p, i, &is_guard);
        guards += is_guard;
        borders +=
            i > 0 && (is_guard || was_guard) && access == before && touch(&p->at[i - 1], &p->at[i]);
        before = access;
        was_guard = is_guard;
    }
    /* The first thread has a stack of the kernel's. Each of the others has a guard: where the
     * library sees it, it goes. What lies below may have been mapped otherwise than as a stack
     * (MAP_STACK), and is another VMA then. */
    long of_threads = threads > 1 ? threads - 1 : 0;
    if (of_threads > guards)
        of_threads = guards;
    if (guards > of_threads)
        c->guards = (long)((double)borders * (double)(guards - of_threads) / (double)guards);
    if (sees_stacks(p))
        c->guards += of_threads;
}

/* ---- together ---- */

/* Whether the program has a dynamic loader, which preloads the library. */
static bool is_dynamic(const struct pieces *p)
{
    static const char *const loaders[] = { "ld-", "ld.so", "ld64.so", "libc.so", "libc.musl" };
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < sizeof loaders / sizeof *loaders; k++)
            if ((p->at[i].access & PIECE_EXEC) &&
                strncmp(base_name(p->at[i].path), loaders[k], strlen(loaders[k])) == 0)
                return true;
    return false;
}

/* The address of the library's first page; 0: it is not there. */
static uint64_t library_in(const struct pieces *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i].from == 0 && peek_is_library(&(struct procmap){ .path = p->at[i].path }))
            return p->at[i].start;
    return 0;
}

/* What MAPHERD_COLD is there for files of most paths. */
static enum cure_cold cold_given_to(const struct pieces *p, pid_t pid)
{
    struct given given = given_to(pid, library_in(p));
    texts_free(&given.texts);
    if (given.are.mode == MODE_OBSERVE || given.are.only.len || given.are.skip.len)
        return CURE_COLD_OFF; /* it does nothing there, or may be left out */
    return (enum cure_cold)rules_choose(given.are.cold, NULL, COLD_WORDS);
}

struct cure cure_of(const struct pieces *p, const struct patient *of)
{
    struct cure c = { .maps = (long)p->n, .preloaded = of->preloaded };
    char path[PATH_OF_PROGRAM];
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    c.markers = takes_markers();
    c.file_markers = markers_shown();
    c.cold = of->preloaded && of->pid ? cold_given_to(p, of->pid) : CURE_COLD_OFF;
    if (of->limit > 0)
        c.border = of->limit / 5 * 4;
    c.calm = c.maps < of->limit / 2;
    c.go = of->pid && program_is_go(program_of(of->pid, path));
    c.reachable = of->preloaded || c.go || is_dynamic(p);
    if (c.reachable) {
        herd_files(&c, p, of->pid);
        herd_guards(&c, p, of->threads);
    }
    c.left = c.maps - c.placing - c.filling - c.guards;
    return c;
}

/* A saving of few maps is no help, whatever share of a small process they are. */
static bool is_part(long part, long whole, long of)
{
    enum { FEW = 10 };
    return part > FEW && part >= whole / of;
}

bool cure_helps(const struct cure *c)
{
    return is_part(c->maps - c->left, c->maps, 20) || is_part(c->cooling, c->maps, 2);
}

static bool cools(const struct cure *c)
{
    return c->cold == CURE_COLD_ON || (c->cold == CURE_COLD_AUTO && !c->overlay);
}

char *cure_verdict(const struct cure *c)
{
    long saved = c->maps - c->left;
    if (!c->reachable)
        return enough_text("mapherd cannot be preloaded into this program: it is linked "
                           "statically.");
    const char *with =
        c->preloaded ? "mapherd is in this process. With other options it" : "mapherd";
    const char *calm =
        c->calm ? " They are less than half of the limit, so nothing need be done." : "";
    if (is_part(saved, c->maps, 2))
        return enough_text("%s would cure this: about %s of %s maps would be left.%s", with,
                           grouped(c->left), grouped(c->maps), calm);
    if (is_part(c->cooling, c->maps, 2) && cools(c))
        return enough_text("mapherd is in this process, and MAPHERD_COLD is in force: mappings of "
                           "files that are not in use can become cold.");
    if (is_part(c->cooling, c->maps, 2))
        return enough_text("%s would keep this below the limit: mappings of files that are not in "
                           "use would be cold.%s",
                           with, calm);
    if (is_part(saved, c->maps, 20))
        return enough_text("%s would help: about %s of %s maps would be left.%s", with,
                           grouped(c->left), grouped(c->maps), calm);
    return enough_text(c->preloaded
                           ? "mapherd is in this process, and can make these maps no fewer."
                           : "mapherd would not make these maps notably fewer.");
}

/* The clause about cold mappings. n: how many may be cold. */
static char *cure_by_cooling(const struct cure *c, const char *n)
{
    if (!cools(c))
        return enough_text("%s may be cold with MAPHERD_COLD=%s: mappings of files that are not in "
                           "use take no map, and the process stays at about %s maps, 80 %% of the "
                           "limit, however many files it maps",
                           n, c->overlay ? "on" : "auto", grouped(c->border));
    if (c->cold == CURE_COLD_ON)
        return enough_text("%s are of files that may be cold, and are warm now (MAPHERD_COLD=on is "
                           "in force): those not in use become cold near %s maps, 80 %% of the "
                           "limit",
                           n, grouped(c->border));
    return enough_text(
        "%s are of files that may be cold (MAPHERD_COLD=auto is in force): those "
        "mapped since the count passed half of the limit become cold when they are "
        "not in use, near %s maps, 80 %% of the limit; those mapped before stay warm",
        n, grouped(c->border));
}

char *cure_by(const struct cure *c, int which)
{
    enum { WORTH = 20 }; /* a twentieth of the VMAs */
    const long saves[] = { c->placing, c->filling, c->guards, c->border ? c->cooling : 0 };
    if (!is_part(saves[which], c->maps, WORTH))
        return NULL;
    const char *n = grouped(saves[which]);
    switch (which) {
    case 0:
        return enough_text("%s fewer by placing: the parts of a file lie side by side (%s)", n,
                           c->preloaded ? "those of several opens from 50 % of the limit on, or "
                                          "with MAPHERD_COALESCE=join"
                                        : "mapherd run; those of several opens from 50 % of the "
                                          "limit on");
    case 1:
        return enough_text("%s fewer by filling: gaps between the parts of a file are mapped too "
                           "(from 80 %% of the limit on, or with MAPHERD_COALESCE=fill)",
                           n);
    case 2:
        return enough_text("%s fewer by guards: guard pages take no map (from 50 %% of the limit "
                           "on, or with MAPHERD_GUARDS=on)",
                           n);
    default: return cure_by_cooling(c, n);
    }
}

void cure_json(const struct cure *c, struct json *j)
{
    json_open(j, "cure", '{');
    json_bool(j, "reachable", c->reachable);
    json_number(j, "placing", c->placing);
    json_number(j, "filling", c->filling);
    json_number(j, "guarding", c->guards);
    json_number(j, "left", c->left);
    json_number(j, "cooling", c->cooling);
    json_if_known(j, "border", c->border != 0, c->border);
    json_close(j, '}');
}
