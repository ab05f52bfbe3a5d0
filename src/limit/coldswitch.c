/*
 * coldswitch: see coldswitch.h.
 */
#define _GNU_SOURCE
#include "limit/coldswitch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "kernel/brief.h"
#include "kernel/keepers.h"
#include "kernel/markers.h"
#include "kernel/procmaps.h"
#include "kernel/robust.h"
#include "kernel/sys.h"
#include "limit/coldcount.h"
#include "limit/coldset.h"

static struct held placeholder; /* file is 0: there is none yet */

/* A keeper alone has the descriptor of the placeholder: what the program closes, or puts
 * in the place of a descriptor, never lies over its memory. */
long coldswitch_start(void)
{
    struct stat st;
    if (placeholder.file)
        return 0;
    long fd = brief_memfd(COLD_NAME);
    long file = fd < 0 ? fd : sys_fstat((int)fd, &st);
    if (file == 0)
        file = keepers_hold((int)fd);
    if (fd >= 0)
        brief_close((int)fd);
    if (file < 0)
        return file;
    placeholder = (struct held){ .file = (unsigned)file, .dev = st.st_dev, .ino = st.st_ino };
    return 0;
}

void coldswitch_expect(struct switched *s, const struct region *r)
{
    s->expected[s->count++] =
        (struct expected){ r->start, r->end, range_offset(r), r->kind, r->held };
}

static bool is_there(int list, const struct expected *e)
{
    struct procmap m;
    if (procmaps_ask(list, e->start, &m) < 0 || m.start > e->start)
        return false;
    uint32_t shown = (m.read ? PROT_READ : 0) | (m.write ? PROT_WRITE : 0) |
                     (m.exec ? PROT_EXEC : 0) | (m.shared ? REGION_SHARED : 0);
    return m.end >= e->end && m.inode == e->of->ino &&
           (!e->of->dev || makedev(m.dev_major, m.dev_minor) == e->of->dev) &&
           m.offset + (e->start - m.start) == e->offset &&
           shown == (e->kind & (REGION_PROT | REGION_SHARED));
}

/* Which of the ranges have pages in the page tables, of those that are watched. */
static unsigned used_of(const struct switched *s)
{
    unsigned used = 0;
    long pagemap = sys_open("/proc/self/pagemap", O_RDONLY, 0);
    for (unsigned i = 0; i < s->count && pagemap >= 0; i++)
        if ((s->expected[i].kind & WATCHED) &&
            markers_present((int)pagemap, s->expected[i].start, s->expected[i].end))
            used |= 1U << i;
    if (pagemap >= 0)
        sys_close((int)pagemap);
    return used;
}

/* Runs in a keeper. */
static long unmap_pages(int unused, int list, void *context)
{
    struct switched *s = context;
    (void)unused;
    for (unsigned i = 0; i < s->count; i++) {
        const struct expected *e = &s->expected[i];
        if (is_there(list, e) && sys_madvise(e->start, e->end - e->start, MADV_DONTNEED) == 0)
            s->used |= 1U << i;
    }
    return 0;
}

/* Runs in a keeper. */
static long switch_range(int fd, int list, void *context)
{
    struct switched *s = context;
    for (unsigned i = 0; i < s->count; i++) {
        if (!is_there(list, &s->expected[i])) {
            s->wrong = s->expected[i].start;
            return -ESTALE;
        }
    }
    s->used = used_of(s);
    if (s->used)
        return -EAGAIN;
    return sys_mmap(s->start, s->end - s->start, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, (off_t)s->start);
}

static void note_mutex(uintptr_t addr, void *context)
{
    struct mutexes *m = context;
    const unsigned most = sizeof m->at / sizeof *m->at;
    if (m->count <= most && coldset_find(addr)) {
        if (m->count < most)
            m->at[m->count] = addr;
        m->count++;
    }
}

/* Runs in a keeper. */
static long find_mutexes(int unused, int list, void *context)
{
    struct mutexes *m = context;
    (void)unused;
    (void)list;
    m->count = 0;
    long answer = robust_each(note_mutex, m);
    return answer == 0 && m->count > sizeof m->at / sizeof *m->at ? -E2BIG : answer;
}

struct warming {
    uintptr_t start, end;
    int prot, flags;
    uint64_t offset;
    bool odd; /* a part of the range is not as it was left */
};

/* Runs in a keeper. */
static long map_parts(int fd, int list, void *context)
{
    struct warming *w = context;
    struct procmap m;
    long answer = -ESTALE;
    for (uintptr_t at = w->start, to; at < w->end; at = to) {
        long asked = procmaps_ask(list, at, &m);
        if (asked < 0 && asked != -ENOENT)
            return asked;
        if (asked < 0 || m.start >= w->end) {
            w->odd = true;
            break;
        }
        w->odd |= m.start > at;
        at = m.start > at ? m.start : at;
        to = m.end < w->end ? m.end : w->end;
        if (m.inode != placeholder.ino || makedev(m.dev_major, m.dev_minor) != placeholder.dev ||
            m.offset + (at - m.start) != at) {
            w->odd = true;
            continue;
        }
        int shown =
            (m.read ? PROT_READ : 0) | (m.write ? PROT_WRITE : 0) | (m.exec ? PROT_EXEC : 0);
        bool changed = shown != (PROT_READ | PROT_WRITE);
        long mapped = sys_mmap(at, to - at, changed ? shown : w->prot, w->flags | MAP_FIXED, fd,
                               (off_t)(w->offset + (at - w->start)));
        if (sys_failed(mapped))
            return mapped;
        w->odd |= changed;
        answer = 0;
    }
    return answer;
}

long coldswitch_cover(struct switched *s)
{
    s->used = 0;
    return keepers_run(placeholder.file, switch_range, s);
}

void coldswitch_watch(struct switched *s)
{
    s->used = 0;
    if (s->count)
        keepers_run(placeholder.file, unmap_pages, s);
}

long coldswitch_mutexes(struct mutexes *m)
{
    return keepers_run(placeholder.file, find_mutexes, m);
}

long coldswitch_map(const struct region *r, bool *odd)
{
    struct warming w = {
        .start = r->start,
        .end = r->end,
        .prot = (int)(r->kind & REGION_PROT),
        .flags = (r->kind & REGION_SHARED ? MAP_SHARED : MAP_PRIVATE) |
                 (r->kind & REGION_NORESERVE ? MAP_NORESERVE : 0),
        .offset = range_offset(r),
    };
    long answer = keepers_run(r->held->file, map_parts, &w);
    *odd = w.odd;
    return answer;
}
