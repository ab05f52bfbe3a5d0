/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldswitch: see coldswitch.h.
 */
#define _GNU_SOURCE
#include "limit/coldswitch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "common/fmt.h"
#include "common/pages.h"
#include "kernel/brief.h"
#include "kernel/keepers.h"
#include "kernel/markers.h"
#include "kernel/nofile.h"
#include "kernel/procmaps.h"
#include "kernel/refs.h"
#include "kernel/sys.h"
#include "kernel/trial.h"
#include "limit/coldcount.h"
#include "limit/coldset.h"
#include "tell/holders.h"
#include "tell/log.h"

static struct held placeholder; /* file is 0: there is none yet */

/* A keeper alone has the descriptor of the placeholder: what the program closes, or puts
 * in the place of a descriptor, never lies over its memory. */
long coldswitch_start(void)
{
    struct stat st;
    if (placeholder.file)
        return 0;
    long fd = brief_memfd(MEMORY_COLD_NAME);
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

void coldswitch_bequeath(void)
{
    keepers_bequeath(placeholder.file);
}

void coldswitch_forget(void)
{
    if (placeholder.file)
        keepers_drop(placeholder.file);
    placeholder = (struct held){ .file = 0 };
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

/* Which of some ranges have pages in the page tables, of those that are watched. */
static unsigned used_of(int pagemap, const struct switched *s, unsigned from, unsigned count)
{
    unsigned used = 0;
    for (unsigned i = from; i < from + count; i++)
        if ((s->expected[i].kind & WATCHED) &&
            markers_present(pagemap, s->expected[i].start, s->expected[i].end))
            used |= 1U << i;
    return used;
}

/* Runs in a keeper. */
static long unmap_pages(int unused, const struct keepers_proc *proc, void *context)
{
    struct switched *s = context;
    (void)unused;
    for (unsigned i = 0; i < s->count; i++) {
        const struct expected *e = &s->expected[i];
        if (is_there(proc->maps, e) && sys_madvise(e->start, e->end - e->start, MADV_DONTNEED) == 0)
            s->used |= 1U << i;
    }
    return 0;
}

static long switch_span(int fd, const struct keepers_proc *proc, struct switched *s, struct span *p)
{
    for (unsigned i = p->from; i < p->from + p->count; i++) {
        if (!is_there(proc->maps, &s->expected[i])) {
            p->wrong = s->expected[i].start;
            return -ESTALE;
        }
    }
    unsigned used = used_of(proc->pagemap, s, p->from, p->count);
    s->used |= used;
    if (used >> p->turn & 1)
        return -EAGAIN;
    if (used) {
        p->from = p->turn;
        p->count = 1;
    }
    uintptr_t start = s->expected[p->from].start, end = s->expected[p->from + p->count - 1].end;
    return sys_mmap(start, end - start, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, (off_t)start);
}

/* Runs in a keeper. */
static long switch_spans(int fd, const struct keepers_proc *proc, void *context)
{
    struct switched *s = context;
    for (unsigned n = 0; n < s->spans; n++)
        s->span[n].answer = switch_span(fd, proc, s, &s->span[n]);
    return 0;
}

/* Runs in a keeper. The file that h names may have been removed: its name in /proc still opens it.
 * The open does not wait for another process to give a lease up. */
static long open_anew(int fd, const struct keepers_proc *proc, void *context)
{
    const int kept = O_ACCMODE | O_NOATIME;
    const struct held *h = context;
    struct nofile limit = { .raised = false };
    char link[40];
    struct stat st;
    long flags = sys_fcntl(fd, F_GETFL, 0);
    (void)proc;
    if (flags < 0)
        return flags;
    fmt(link, sizeof link, "/proc/thread-self/fd/%d", fd);
    nofile_raise(&limit); /* for the new number, and for that of fd */
    long file = sys_open(link, ((int)flags & kept) | O_NONBLOCK, 0);
    long answer = file < 0 ? file : sys_fstat((int)file, &st);
    if (answer == 0 && (st.st_dev != h->dev || st.st_ino != h->ino))
        answer = -ESTALE;
    if (answer == 0)
        answer = sys_dup3((int)file, fd, O_CLOEXEC);
    nofile_restore(&limit);
    if (file >= 0)
        sys_close((int)file);
    return answer < 0 ? answer : 0;
}

struct search {
    void (*found)(struct region *r);
    bool asleep;
};

static void find_range(uintptr_t addr, void *context)
{
    const struct search *search = context;
    struct region *r = coldset_find(addr);
    if (r)
        search->found(r);
}

/* Runs in a keeper. */
static long find_refs(int fd, const struct keepers_proc *proc, void *context)
{
    const struct search *search = context;
    (void)fd;
    if (proc->task < 0 || proc->pagemap < 0)
        return -EACCES;
    sys_close(proc->spare);
    long answer = refs_each(proc->task, search->asleep, find_range, context);
    sys_dup3(proc->maps, proc->spare, O_CLOEXEC);
    return answer;
}

struct warming {
    uintptr_t start, end;
    int prot, flags;
    uint64_t offset;
    bool odd; /* a part of the range is not as it was left */
};

/* Runs in a keeper. */
static long map_parts(int fd, const struct keepers_proc *proc, void *context)
{
    struct warming *w = context;
    struct procmap m;
    long answer = -ESTALE;
    for (uintptr_t at = w->start, to; at < w->end; at = to) {
        long asked = procmaps_ask(proc->maps, at, &m);
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

static void pass(struct region *unused)
{
    (void)unused;
}

/* Runs in a keeper of the child. */
static long try_work(int fd, const struct keepers_proc *proc, void *context)
{
    struct held h = { .file = 0 };
    struct procmap m;
    struct stat st;
    const struct switched none = { .count = 0 };
    (void)context;
    if (sys_fstat(fd, &st) < 0)
        return -EBADF;
    h.dev = st.st_dev;
    h.ino = st.st_ino;
    long at = sys_mmap(0, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (sys_failed(at))
        return at;
    used_of(proc->pagemap, &none, 0, 0);
    long answer = procmaps_ask(proc->maps, (uintptr_t)at, &m);
    if (answer >= 0)
        answer = sys_madvise((uintptr_t)at, page_size, MADV_DONTNEED);
    if (answer >= 0)
        answer = open_anew(fd, proc, &h);
    return answer < 0 ? answer : find_refs(fd, proc, &(struct search){ pass, true });
}

/* Runs in the child, which no other thread and no keeper is in. */
static bool holds_files(void)
{
    keepers_after_fork();
    long fd = sys_memfd(MEMORY_COLD_NAME);
    long file = fd < 0 ? fd : keepers_hold((int)fd);
    bool works = file > 0 && keepers_run((unsigned)file, try_work, NULL) == 0;
    keepers_follow();
    keepers_settle();
    return works;
}

bool coldswitch_passes(bool at_once)
{
    static struct trial holding = { .calls = holds_files };
    static bool running;
    if (trial_due(&holding, at_once) && !__atomic_exchange_n(&running, true, __ATOMIC_ACQUIRE)) {
        log_line_at(
            at_once ? LOG_INFO : LOG_WARNING, EVENT_cold_filter,
            "the process was started under a seccomp filter, which may kill for calls that it "
            "does not expect: a child makes the calls of cold mappings first");
        trial_run(&holding);
        if (trial_refuses(&holding))
            log_line_at(LOG_WARNING, EVENT_cold_filter,
                        "no mapping becomes cold, because the seccomp filter refuses or kills");
    }
    return trial_passes(&holding);
}

long coldswitch_cover(struct switched *s)
{
    s->used = 0;
    return keepers_run(placeholder.file, switch_spans, s);
}

void coldswitch_watch(struct switched *s)
{
    s->used = 0;
    if (s->count)
        keepers_run(placeholder.file, unmap_pages, s);
}

long coldswitch_open_anew(const struct held *h)
{
    return keepers_run(h->file, open_anew, (void *)h);
}

long coldswitch_refs(void (*found)(struct region *r), bool asleep)
{
    struct search search = { found, asleep };
    return keepers_run(placeholder.file, find_refs, &search);
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
