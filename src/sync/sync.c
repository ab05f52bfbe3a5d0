/*
 * sync: see sync.h for what and why.
 *
 * Rules here: the run is the thread's own and is only a guess; what is believed of the file is
 * read with the model lock held and kept in its offsets, so that it stays true wherever the file
 * is mapped next. What is not known is synced as called.
 */
#define _GNU_SOURCE
#include "sync/sync.h"

#include <errno.h>
#include <linux/magic.h>
#include <time.h>

#include "kernel/sys.h"
#include "space/layers.h"
#include "space/model.h"
#include "space/regions.h"
#include "space/pending.h"
#include "sync/fence.h"
#include "tell/options.h"
#include "tell/status.h"

#define AHEAD_MAX (2UL << 30)
#define SLOW_MS 400
#define GAP_MS 10
#define NS_A_MS 1000000

/* The syncs of this thread that continued each other. */
static __thread struct run {
    uintptr_t start, end; /* of the last one */
    uintptr_t front;      /* as far as it was synced ahead */
    size_t asked, ahead;  /* bytes: asked for since the run began; synced ahead the last time */
    unsigned calls;       /* that continued the one before */
    int way;              /* 1 upwards, -1 downwards */
    uint64_t began, took; /* the last one: CLOCK_MONOTONIC, and how long; ns */
} run __attribute__((tls_model("initial-exec")));

/* Parts of files that are on the disk if the stamp still holds. Model lock held. */
#define DURABLES 8
static struct durable {
    uint64_t from, to; /* offsets; none: from == to */
    struct stamp stamp;
} durables[DURABLES];
static unsigned oldest;

static bool in_front(uintptr_t addr, uintptr_t end)
{
    return run.way > 0 ? end <= run.front : addr >= run.front;
}

/* Notes the sync; how many bytes beyond it are worth being synced with it. Nothing where the thread
 * did something else before it: what comes next may be what it stores to then. */
static size_t step(uintptr_t addr, uintptr_t end)
{
    int way = addr == run.end ? 1 : end == run.start ? -1 : 0;
    size_t ahead = 0;
    uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
    bool at_once = now - run.began < run.took + (uint64_t)GAP_MS * NS_A_MS;
    if (!way || way != run.way) {
        run = (struct run){ .asked = way ? run.end - run.start : 0, .way = way, .calls = way != 0,
                            .front = way < 0 ? addr : end };
    } else if (++run.calls > 1 && at_once && !in_front(addr, end)) {
        ahead = run.ahead ? 2 * run.ahead : end - addr;
        if (ahead > run.asked)
            ahead = run.asked;
        if (ahead > AHEAD_MAX)
            ahead = AHEAD_MAX;
    }
    run.start = addr;
    run.end = end;
    run.asked += end - addr;
    run.began = now;
    run.took = 0;
    return ahead;
}

/* How far the map of the chunk at r reaches beyond the range, at most by ahead. */
static void widen(struct sync_plan *p, struct region *r, size_t ahead)
{
    struct region *low = r, *high = r;
    while (high->end < p->end && high->after && regions_one_vma(high, high->after))
        high = high->after;
    if (high->end < p->end)
        return;
    if (run.way > 0) {
        while (high->end - p->end < ahead && high->after && regions_one_vma(high, high->after))
            high = high->after;
        p->stop = high->end - p->end < ahead ? high->end : p->end + ahead;
    } else {
        while (p->addr - low->start < ahead && low->before && regions_one_vma(low->before, low))
            low = low->before;
        p->start = p->addr - low->start < ahead ? low->start : p->addr - ahead;
    }
}

/* The whole range is chunks of r's window. */
static bool one_window(const struct region *r, uintptr_t end)
{
    while (r->end < end && r->after && r->after->start == r->end && r->after->window == r->window)
        r = r->after;
    return r->end >= end;
}

static const struct durable *durable_of(const struct sync_plan *p)
{
    uint64_t from = p->offset, to = from + (p->end - p->addr);
    for (const struct durable *c = durables; c < durables + DURABLES; c++)
        if (c->from <= from && c->to >= to && c->stamp.dev == p->dev && c->stamp.ino == p->ino)
            return c;
    return NULL;
}

/* Joined to a cover that it touches, if no store lies between the two; else in place of the
 * oldest, or of what it makes useless. */
static void add_durable(const struct durable *fresh)
{
    for (struct durable *c = durables; c < durables + DURABLES; c++) {
        if (c->from == c->to || c->stamp.dev != fresh->stamp.dev ||
            c->stamp.ino != fresh->stamp.ino || c->to < fresh->from || c->from > fresh->to)
            continue;
        if (!stamp_same(&c->stamp, &fresh->stamp)) {
            *c = *fresh;
            return;
        }
        if (fresh->from < c->from)
            c->from = fresh->from;
        if (fresh->to > c->to)
            c->to = fresh->to;
        return;
    }
    durables[oldest++ % DURABLES] = *fresh;
}

/* The chunk at the start of the range, if the whole range lies in one shared window. Model lock
 * held. */
static struct region *chunk_of(const struct sync_plan *p)
{
    struct region *r = regions_from(p->addr);
    return r && r->start <= p->addr && r->window && (r->kind & REGION_SHARED) &&
                   one_window(r, p->end)
               ? r
               : NULL;
}

/* Whose the range is, and a cover of it in *was, if there is one. An error of a widened sync is told
 * to all that it went for: once is enough. */
static bool look_up(struct sync_plan *p, size_t *ahead, bool *fast, struct stamp *was)
{
    if (!model_take())
        return false;
    struct region *r = chunk_of(p);
    const struct durable *c = NULL;
    if (r) {
        const struct file *f = r->window->file;
        p->dev = f->dev;
        p->ino = f->ino;
        p->fd = f->fd;
        p->offset = p->addr - r->window->base;
        if (f->failed)
            *ahead = 0, *fast = false;
        c = *fast ? durable_of(p) : NULL;
        if (c)
            *was = c->stamp;
    }
    model_drop();
    return c != NULL;
}

/*
 * btrfs syncs all of the file with the first msync after a store: a loop has nothing left to save.
 * And where two syncs of a file overlap, it has been seen to forget what one of them had promised
 * (doc/sync.md), so none is made longer there.
 */
static bool pays(int fd)
{
    long type;
    return sys_fstatfs_type(fd, &type) < 0 || type != BTRFS_SUPER_MAGIC;
}

/* Widens the sync, and between the reading of the stamp and the sync fences the file. */
static void prepare(struct sync_plan *p, size_t ahead, bool fast)
{
    bool stamped = fast && stamp_read(p->fd, p->dev, p->ino, &p->before);
    if (!model_take())
        return;
    struct region *r = chunk_of(p);
    if (r && r->window->file->dev == p->dev && r->window->file->ino == p->ino) {
        widen(p, r, ahead);
        p->offset -= p->addr - p->start;
        p->stamped = stamped && fence_file(r->window->file);
    }
    model_drop();
}

void sync_plan(uintptr_t addr, uintptr_t end, struct sync_plan *p)
{
    bool herding = options.mode == MODE_PROTECT && options.sync != SYNC_PLAIN;
    bool fast = herding && options.sync == SYNC_FAST;
    size_t ahead = herding ? step(addr, end) : 0;
    struct stamp was, now;
    *p = (struct sync_plan){ .addr = addr, .end = end, .start = addr, .stop = end, .fd = -1 };
    bool covered = look_up(p, &ahead, &fast, &was);
    p->skip = covered && stamp_reread(p->fd, &was, &now) && stamp_same(&was, &now);
    if (!p->skip && ahead && p->fd >= 0 && pays(p->fd))
        prepare(p, ahead, fast);
}

/* The next one is as long as this one again, or half as long, by the time it took. */
static void settle(const struct sync_plan *p, uint64_t ns)
{
    size_t ahead = (p->stop - p->start) - (p->end - p->addr);
    run.front = run.way > 0 ? p->stop : p->start;
    run.ahead = ns < (uint64_t)SLOW_MS * NS_A_MS / 4 ? ahead
                : ns < (uint64_t)SLOW_MS * NS_A_MS   ? ahead / 2
                                                     : ahead / 4;
}

static bool tells_a_loss(long answer)
{
    return answer < 0 && answer != -ENOMEM && answer != -EINVAL && answer != -EBUSY &&
           answer != -EINTR;
}

static void owe(uintptr_t start, uintptr_t end, int error)
{
    if (start < end)
        pending_add(start, end, error);
}

/*
 * The kernel tells a loss once per open file. Where chunks were mapped through several opens, and
 * joined into maps of one, the others' owners would have heard of it by themselves. Through one
 * descriptor that is still what it was, they were of one open.
 */
static bool stands_for_others(const struct file *f)
{
    struct stat st;
    return f->several || sys_fstat(f->fd, &st) < 0 || st.st_dev != f->dev || st.st_ino != f->ino;
}

static void owe_others(const struct file *f, const struct sync_plan *p, int error)
{
    for (struct window *w = layers_from(f, 0); w; w = layers_from(f, w->layer + 1))
        for (struct region *r = regions_from(w->base); r && r->start < w->base + w->span;
             r = r->after) {
            if (r->window != w || !(r->kind & REGION_SHARED) || (r->kind & REGION_RETAINED))
                continue;
            owe(r->start, r->end < p->addr ? r->end : r->start < p->addr ? p->addr : r->start,
                error);
            owe(r->start > p->end ? r->start : r->end > p->end ? p->end : r->end, r->end, error);
        }
}

static void note_loss(const struct sync_plan *p, int error)
{
    struct file *f = files_find(p->dev, p->ino);
    owe(p->start, p->addr, error);
    owe(p->end, p->stop, error);
    if (!f)
        return;
    f->failed = true;
    if (stands_for_others(f))
        owe_others(f, p, error);
}

void sync_done(const struct sync_plan *p, long answer, uint64_t ns)
{
    bool widened = p->stop - p->start > p->end - p->addr;
    if (p->skip) {
        STATUS_ADD(syncs_skipped, 1);
        return;
    }
    if (run.start == p->addr && run.end == p->end) {
        run.took = ns;
        if (widened)
            settle(p, ns);
    }
    if (widened)
        STATUS_ADD(syncs_widened, 1);
    if (p->fd < 0 || !(tells_a_loss(answer) || (answer == 0 && p->stamped)) ||
        !model_take())
        return;
    if (answer < 0)
        note_loss(p, (int)-answer);
    else
        add_durable(&(struct durable){ p->offset, p->offset + (p->stop - p->start), p->before });
    model_drop();
}
