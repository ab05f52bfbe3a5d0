/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sync: see sync.h.
 *
 * The run belongs to the thread and is only a guess. What is known of a file is read with the model
 * lock held and kept by offsets, so that it stays true wherever the file is mapped next. If nothing
 * is known, the kernel is asked for the range of the call.
 */
#define _GNU_SOURCE
#include "sync/sync.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <time.h>

#include "kernel/sys.h"
#include "space/model.h"
#include "space/pending.h"
#include "space/regions.h"
#include "space/windows.h"
#include "sync/stamps.h"
#include "tell/options.h"
#include "tell/status.h"

#define AHEAD_MAX (2UL << 30)
#define SLOW_MS 400
#define GAP_MS 10
#define NS_A_MS 1000000

/* The syncs of this thread that continued each other. */
static __thread struct run {
    uintptr_t start, end; /* of the last sync */
    uintptr_t front;      /* the address up to which was synced ahead */
    size_t asked, ahead;  /* bytes: asked for since the run began; synced ahead the last time */
    unsigned calls;       /* syncs that continued the one before */
    int way;              /* 1 upwards, -1 downwards */
    uint64_t began, took; /* of the last sync, in ns: CLOCK_MONOTONIC, and the duration */
} run __attribute__((tls_model("initial-exec")));

/* Parts of files that are on the disk as long as the stamp is the same. Model lock held. */
#define DURABLES 8
static struct durable {
    uint64_t from, to; /* offsets; equal: this place is empty */
    struct stamp stamp;
} durables[DURABLES];
static unsigned oldest;

static bool in_front(uintptr_t addr, uintptr_t end)
{
    return run.way > 0 ? end <= run.front : addr >= run.front;
}

/* Enters the sync in the run. Returns how many bytes past it are to be synced with it: 0 if the
 * thread did something else before it, because it may store to what follows. */
static size_t step(uintptr_t addr, uintptr_t end)
{
    int way = addr == run.end ? 1 : end == run.start ? -1 : 0;
    size_t ahead = 0;
    uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
    bool at_once = now - run.began < run.took + (uint64_t)GAP_MS * NS_A_MS;
    if (!way || way != run.way) {
        run = (struct run){ .asked = way ? run.end - run.start : 0,
                            .way = way,
                            .calls = way != 0,
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

/* Widens the sync to the end of the VMA of the chunk at r, at most by ahead bytes. */
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

/* The range up to end consists of chunks of r's window, and the kernel syncs each of them. */
static bool one_window(const struct region *r, uintptr_t end)
{
    while (kind_syncs(r->kind) && r->end < end && r->after && r->after->start == r->end &&
           r->after->window == r->window)
        r = r->after;
    return kind_syncs(r->kind) && r->end >= end;
}

static const struct durable *durable_of(const struct sync_plan *p)
{
    uint64_t from = p->offset, to = from + (p->end - p->addr);
    for (const struct durable *d = durables; d < durables + DURABLES; d++)
        if (d->from <= from && d->to >= to && d->stamp.dev == p->dev && d->stamp.ino == p->ino)
            return d;
    return NULL;
}

/* Joins it with one that it touches, if there was no store between the two. Otherwise it replaces
 * that one, or the oldest. */
static void add_durable(const struct durable *fresh)
{
    for (struct durable *d = durables; d < durables + DURABLES; d++) {
        if (d->from == d->to || d->stamp.dev != fresh->stamp.dev ||
            d->stamp.ino != fresh->stamp.ino || d->to < fresh->from || d->from > fresh->to)
            continue;
        if (!stamp_same(&d->stamp, &fresh->stamp)) {
            *d = *fresh;
            return;
        }
        if (fresh->from < d->from)
            d->from = fresh->from;
        if (fresh->to > d->to)
            d->to = fresh->to;
        return;
    }
    durables[oldest++ % DURABLES] = *fresh;
}

/* The chunk at the start of the range, if the range consists of chunks of one window that the
 * kernel syncs. What it does not sync must not be taken for durable. Model lock held. */
static struct region *chunk_of(const struct sync_plan *p)
{
    struct region *r = regions_from(p->addr);
    return r && r->start <= p->addr && r->window && one_window(r, p->end) ? r : NULL;
}

/*
 * A longer sync saves time. It does not on btrfs, which syncs all of the file with the first msync
 * after a store. Where two syncs of a file overlap, btrfs was seen to lose what one of them had
 * reported as written (doc/sync.md). Nothing is asked here: the program may have closed the
 * descriptor, and its number may be that of a file whose server does not answer. Where the
 * filesystem is not known, because nobody has asked or the kernel has not told, the device tells
 * what is not btrfs.
 */
static bool pays(const struct file *f)
{
    if (f->fs_type <= 0)
        return files_on_disk_device(f->dev);
    return f->fs_type != BTRFS_SUPER_MAGIC && f->fs_type != FILES_FS_OVERLAY_UNCOUNTED;
}

/* Finds the file of the range. Returns true if the range is durable as long as its file has the
 * stamp *was. After an error of the file nothing is widened or skipped: the error of a widened sync
 * is returned to all callers that it concerns, which is enough once. */
static bool look_up(struct sync_plan *p, size_t *ahead, bool *fast, struct stamp *was)
{
    if (!model_take())
        return false;
    struct region *r = chunk_of(p);
    const struct durable *d = NULL;
    if (r) {
        const struct file *f = r->window->file;
        p->dev = f->dev;
        p->ino = f->ino;
        p->fd = f->fd;
        p->offset = p->addr - r->window->base;
        p->last_unmap = f->last_unmap;
        if (f->failed || !pays(f))
            *ahead = 0, *fast = false;
        *fast &= stamps_differ_on(f->fs_type);
        d = *fast ? durable_of(p) : NULL;
        if (d)
            *was = d->stamp;
    }
    model_drop();
    return d != NULL;
}

/* Widens the sync. For fast it reads the stamp, and then fences the file. */
static void prepare(struct sync_plan *p, size_t ahead, bool fast)
{
    bool stamped = fast && stamp_read(p->fd, p->dev, p->ino, &p->before);
    if (!model_take())
        return;
    struct region *r = chunk_of(p);
    if (r && r->window->file->dev == p->dev && r->window->file->ino == p->ino) {
        widen(p, r, ahead);
        p->offset = p->start - r->window->base;
        p->last_unmap = r->window->file->last_unmap;
        p->stamped = stamped && fence_file(r->window->file);
    }
    model_drop();
}

void sync_plan(uintptr_t addr, uintptr_t end, struct sync_plan *p)
{
    bool herding = options.mode != MODE_OBSERVE && options.sync != SYNC_PLAIN;
    bool fast = herding && options.sync == SYNC_FAST;
    size_t ahead = herding ? step(addr, end) : 0;
    struct stamp was, now;
    *p = (struct sync_plan){ .addr = addr, .end = end, .start = addr, .stop = end, .fd = -1 };
    bool durable = look_up(p, &ahead, &fast, &was);
    p->skip = durable && stamp_reread(p->fd, &was, &now) && stamp_same(&was, &now);
    if (!p->skip && ahead && p->fd >= 0)
        prepare(p, ahead, fast);
}

/* Where a part was unmapped and mapped again meanwhile, the sync met a hole. The walk does not. */
bool sync_met_hole(struct sync_plan *p)
{
    if (p->fd < 0 || sys_msync(p->start, p->stop - p->start, MS_ASYNC) < 0 || !model_take())
        return true;
    const struct file *f = files_find(p->dev, p->ino);
    p->whole = f && f->last_unmap == p->last_unmap;
    model_drop();
    return !p->whole;
}

void sync_narrow(struct sync_plan *p)
{
    p->offset += p->addr - p->start;
    p->start = p->addr;
    p->stop = p->end;
    p->stamped = false;
    run.ahead = 0;
}

/* Chooses how far the next one is widened, by the time that this one took. */
static void settle(const struct sync_plan *p, uint64_t ns)
{
    size_t ahead = (p->stop - p->start) - (p->end - p->addr);
    run.front = run.way > 0 ? p->stop : p->start;
    run.ahead = ns < (uint64_t)SLOW_MS * NS_A_MS / 4 ? ahead
                : ns < (uint64_t)SLOW_MS * NS_A_MS   ? ahead / 2
                                                     : ahead / 4;
}

/*
 * The kernel has told an error of write-back, and will not again. EINVAL and EBUSY are the answers
 * to flags and addresses that no plan has, and to MS_INVALIDATE (mm/msync.c), so here they come
 * from the file like any other. If its filesystem has no fsync at all, each msync says EINVAL by
 * itself. EINTR: a signal has ended the wait (NFS, FUSE). Nothing was refused, and the ranges ahead
 * are not promised: each is asked of the kernel at its own msync.
 */
static bool tells_a_loss(const struct sync_plan *p, long answer)
{
    return answer < 0 && answer != -EINTR && (answer != -ENOMEM || p->whole);
}

/* Adds the error to the chunks of f in the range. Not to those that the kernel does not sync: no
 * msync of them has ever failed. Other memory may have been mapped there since the plan. */
static void add_pending(const struct file *f, uintptr_t start, uintptr_t end, int error)
{
    for (struct region *r = regions_from(start); r && r->start < end && start < end; r = r->after) {
        uintptr_t from = r->start > start ? r->start : start, to = r->end < end ? r->end : end;
        if (r->window && r->window->file == f && kind_syncs(r->kind) &&
            !(r->kind & REGION_RETAINED))
            pending_add(from, to, error);
    }
}

/*
 * The kernel returns an error once to each open file. Where chunks were mapped through several
 * opens and joined to one of them (herd/placement.h), each would have got the error without
 * mapherd. If all were mapped through one descriptor, and that is still of this file, they were of
 * one open file.
 */
static bool stands_for_others(const struct file *f)
{
    struct stat st;
    return f->several || sys_fstat(f->fd, &st) < 0 || st.st_dev != f->dev || st.st_ino != f->ino;
}

static void add_pending_for_others(const struct file *f, const struct sync_plan *p, int error)
{
    for (struct window *w = windows_from(f, 0); w; w = windows_from(f, w->layer + 1)) {
        uintptr_t end = w->base + w->span;
        add_pending(f, w->base, p->addr < end ? p->addr : end, error);
        add_pending(f, p->end > w->base ? p->end : w->base, end, error);
    }
}

static void note_loss(const struct sync_plan *p, struct file *f, int error)
{
    if (!f)
        return;
    add_pending(f, p->start, p->addr, error);
    add_pending(f, p->end, p->stop, error);
    f->failed = true;
    if (stands_for_others(f))
        add_pending_for_others(f, p, error);
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
    if (p->fd < 0 || !(tells_a_loss(p, answer) || (answer == 0 && p->stamped)) || !model_take())
        return;
    struct file *f = files_find(p->dev, p->ino);
    if (answer < 0)
        note_loss(p, f, (int)-answer);
    else if (f && f->last_unmap == p->last_unmap) /* so the kernel has gone over all of the range */
        add_durable(&(struct durable){ p->offset, p->offset + (p->stop - p->start), p->before });
    model_drop();
}
