/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * zeros: see zeros.h.
 */
#define _GNU_SOURCE
#include "disk/zeros.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "common/pages.h"
#include "disk/watch.h"
#include "kernel/brief.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/merge.h"
#include "space/model.h"
#include "space/regions.h"
#include "tell/log.h"
#include "tell/options.h"

/* The zeros that the process was given, and what it has lost so far. */
static struct {
    bool any, told;     /* told: the last log line is written */
    char path[256];     /* of the first file */
    uint64_t low, high; /* the offsets in it */
    bool others;        /* there were other files */
    uint64_t stored;    /* bytes that were lost, of all files */
} given;

static struct log_room room;

static void note_given(const struct fault_page *p, size_t len)
{
    uint64_t end = p->at + len;
    size_t n = p->path_len < sizeof given.path ? p->path_len : sizeof given.path - 1;
    if (given.any && strncmp(given.path, p->path, n)) {
        given.others = true;
        return;
    }
    if (!given.any || p->at < given.low)
        given.low = p->at;
    if (!given.any || end > given.high)
        given.high = end;
    memcpy(given.path, p->path, n);
    given.path[n] = '\0';
    given.any = true;
}

/* Counts the bytes of zeros that are not 0 any more. The kernel reads them: it returns an error,
 * and sends no signal, where the program has unmapped them by a call that no hook saw. */
static uint64_t stored_in(uintptr_t start, uintptr_t end)
{
    enum { PAGES = 256 };
    static unsigned char present[PAGES];
    static char piece[4096];
    uint64_t stored = 0;
    long fd = brief_open("/proc/self/mem", O_RDONLY, 0);
    for (uintptr_t from = start, to; from < end && fd >= 0; from = to) {
        to = end - from > PAGES * page_size ? from + PAGES * page_size : end;
        if (sys_mincore(from, to - from, present) < 0)
            continue;
        for (uintptr_t at = from; at < to; at += sizeof piece) {
            if (!(present[(at - from) / page_size] & 1) ||
                sys_pread((int)fd, piece, sizeof piece, (off_t)at) != (long)sizeof piece)
                continue;
            for (size_t i = 0; i < sizeof piece; i++)
                stored += piece[i] != 0;
        }
    }
    if (fd >= 0)
        brief_close((int)fd);
    return stored;
}

/* Counts them in all that is left of an overlay. */
static uint64_t stored_under(unsigned n)
{
    uint64_t stored = 0;
    for (uintptr_t from = 0, to = 1; to;) {
        to = 0;
        if (!model_take())
            return stored;
        struct region *r = regions_overlaid(from, n);
        if (r) {
            from = r->start;
            to = r->end;
        }
        model_drop();
        if (to) {
            stored += stored_in(from, to);
            from = to;
        }
    }
    return stored;
}

/* Makes the alias. A shared mapping gets a second one. A private mapping cannot have a second one,
 * so it is moved out of the way, and the kernel leaves an empty mapping like it (Linux 5.13). */
static bool keep_way_back(struct overlay *c, const struct fault_page *p, size_t len)
{
    long at = p->shared ? sys_mremap(p->page, 0, len, MREMAP_MAYMOVE, 0)
                        : sys_mremap(p->page, len, len, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    c->alias = sys_failed(at) ? 0 : (uintptr_t)at;
    c->moved = !p->shared;
    c->start = p->at;
    c->len = len;
    c->over = p->page;
    c->prot = p->map.prot;
    c->of = p->of;
    return c->alias;
}

/* How many bytes of [from, from + len), from its beginning, the file has again. */
static size_t there_again(uintptr_t from, size_t len)
{
    size_t good = 0, bad = len / page_size + 1; /* pages: good - 1 can be read, bad - 1 cannot */
    while (bad - good > 1) {
        size_t middle = good + (bad - good) / 2;
        if (sys_readable(from + (middle - 1) * page_size))
            good = middle;
        else
            bad = middle;
    }
    return good * page_size;
}

/* Puts the file back at the first range of the overlay, if the file has it again, or in any case.
 * False: there was none to put back. */
static bool put_back_one(unsigned n, bool in_any_case)
{
    const struct overlay *c = &overlays[n];
    if (!model_take())
        return false;
    struct region *r = regions_overlaid(0, n);
    struct place place = { 0, 0, 0, 0 };
    if (r && !(r->kind & REGION_CHANGING) && r->start >= c->over && r->end <= c->over + c->len) {
        place = (struct place){ r->start, r->end, c->start + (r->start - c->over),
                                (int)(r->kind & REGION_PROT) };
        overlays_claim(place.start, place.end);
    }
    model_drop();
    size_t len = place.end - place.start;
    if (len && !in_any_case)
        len = there_again(c->alias + (place.start - c->over), len);
    place.end = place.start + len;
    uint64_t stored = len ? stored_in(place.start, place.end) : 0;
    long answer = len ? overlays_put_back(c, &place) : -ENOENT;
    bool done = answer == 0 || answer == -EACCES;
    if (done && stored && !in_any_case) {
        given.stored += stored;
        overlays_tell_syncs(&(struct fault_page){ .map = place, .of = c->of, .error = EIO });
        log_line_in(
            &room, LOG_ERROR, EVENT_zeros_lifted,
            "%s has again what lay behind offset %lu: %lu bytes that were stored there meanwhile are lost",
            given.others ? "a file" : given.path, (unsigned long)place.offset,
            (unsigned long)stored);
    }
    if (!model_take())
        return false;
    if (done) {
        regions_set_overlay(place.start, place.end, 0);
        r = regions_from(place.start);
        if (r && !c->moved)
            merge_settle(&r);
        count_add(1);
    }
    overlays_release();
    model_drop();
    return done;
}

/* Removes the overlay. Its file stays watched as long as it has another one. */
static void drop(unsigned n)
{
    unsigned watch = overlays[n].file, left = 0;
    overlays_remove(n);
    for (unsigned i = 1; i <= OVERLAYS_MAX; i++)
        left += overlays[i].kind == OVERLAY_ZEROS && overlays[i].file == watch;
    if (!left)
        watch_forget(watch);
}

static void look(bool in_any_case)
{
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++)
        while (overlays[n].kind == OVERLAY_ZEROS && put_back_one(n, in_any_case))
            ;
    for (unsigned n; (n = overlays_unused(OVERLAY_ZEROS));)
        drop(n);
}

void zeros_look(void)
{
    LOCK_ASSERT(&overlay_lock);
    watch_drain();
    look(false);
}

void zeros_settle(void)
{
    if (!overlays_any() || !overlays_take())
        return;
    look(false);
    overlays_drop();
}

/* Claims [p->page, *end), the range that is to read as zeros. *prot is its protection until the
 * claim is released. Model lock held. */
static long claim(const struct fault_page *p, unsigned n, uintptr_t *end, int *prot)
{
    struct region *r = regions_from(p->page);
    *end = p->page + page_size;
    if (!r || r->start > p->page)
        r = regions_add(p->page, *end, NULL,
                        REGION_FOREIGN | (uint32_t)p->map.prot | (p->shared ? REGION_SHARED : 0));
    else
        *end = r->end < p->map.end ? r->end : p->map.end;
    if (!r)
        return -ENOMEM;
    if ((r->kind & REGION_CHANGING) && !changes_mine(r->start, r->end))
        return -EAGAIN;
    *prot = (int)(r->kind & REGION_PROT);
    overlays_claim(p->page, *end);
    regions_set_overlay(p->page, *end, n);
    return 0;
}

static long lay(unsigned n, const struct fault_page *p, uintptr_t end, int prot)
{
    size_t len = end - p->page;
    if (!keep_way_back(&overlays[n], p, len))
        return -ENOMEM;
    long at = sys_mmap(p->page, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
                       -1, 0);
    if (sys_failed(at) && overlays[n].moved)
        sys_mremap(overlays[n].alias, len, len, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
                   p->page);
    return sys_failed(at) ? at : 0;
}

long zeros_lay(const struct fault_page *p)
{
    LOCK_ASSERT(&overlay_lock);
    long watch = p->size_known ? watch_file(p->path, p->of.st_dev, p->of.ino) : -ENOENT;
    long added = watch >= 0 ? overlays_add(OVERLAY_ZEROS) : watch;
    /* With all overlays in use, the watch is one of theirs, or costs a signal now and then. */
    if (added < 0)
        return added;
    unsigned n = (unsigned)added;
    overlays[n].file = (unsigned)watch;
    uintptr_t end;
    int prot;
    long answer = -EDEADLK;
    if (model_take()) {
        answer = claim(p, n, &end, &prot);
        model_drop();
    }
    if (answer) {
        drop(n);
        return answer;
    }
    answer = lay(n, p, end, prot);
    if (model_take()) {
        if (answer)
            regions_set_overlay(p->page, end, 0);
        overlays_release();
        count_add(answer ? 0 : 3);
        model_drop();
    }
    if (answer) {
        drop(n);
        return answer;
    }
    note_given(p, end - p->page);
    /* The file may have grown before it was watched. */
    bool grown = sys_readable(overlays[n].alias);
    if (grown)
        look(false);
    return grown ? -EAGAIN : 0;
}

int zeros_error(uintptr_t start, uintptr_t end)
{
    int error = 0;
    if (!overlays_any() || !model_take())
        return 0;
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after)
        if ((r->kind & REGION_OVERLAID) && overlays[r->overlay].kind == OVERLAY_ZEROS &&
            (r->kind & REGION_SHARED) && (r->kind & PROT_WRITE))
            error = EIO;
    model_drop();
    return error;
}

void zeros_forked(void)
{
    given.any = false;
    given.stored = 0;
    watch_forked();
    if (overlays_any())
        look(true);
}

void zeros_withdraw(void)
{
    if (!overlays_any() || !overlays_take())
        return;
    watch_stop();
    look(true);
    overlays_drop();
}

int zeros_end(int status)
{
    int wanted = (int)options_status(options.zeros_status);
    int instead = status & 0xff ? status : wanted;
    if (!given.any || !overlays_take())
        return status;
    for (unsigned n = 1; n <= OVERLAYS_MAX && !given.told; n++)
        if (overlays[n].kind == OVERLAY_ZEROS)
            given.stored += stored_under(n);
    if (!given.told)
        log_line_in(
            &room, LOG_ERROR, EVENT_zeros_given,
            "the program was given zeros for what %s lacked between the offsets %lu and %lu%s; %lu bytes "
            "that it stored there are known to be lost; it ends with status %d%s",
            given.path, (unsigned long)given.low, (unsigned long)given.high,
            given.others ? ", and for other files" : "", (unsigned long)given.stored, instead,
            instead == status ? "" : " instead of 0");
    given.told = true;
    overlays_drop();
    return instead;
}
