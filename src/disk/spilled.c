/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spilled: see spilled.h.
 *
 * Pages and sums are written in the order that mapherd/spill.h gives, so that the process may be
 * killed between any two calls.
 */
#define _GNU_SOURCE
#include "disk/spilled.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "common/pages.h"
#include "disk/keeps.h"
#include "disk/spillfile.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/model.h"
#include "space/regions.h"
#include "tell/status.h"

#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, Linux 5.14 */

/* The working space of all functions, which the overlay lock protects. */
static char data[64 << 10] __attribute__((aligned(16)));
static spill_sum sums[sizeof data / 4096], stored[sizeof data / 4096];

#define SUMS_AT_ONCE 256
static spill_sum present[SUMS_AT_ONCE];

static size_t piece_pages(void)
{
    return sizeof data / page_size;
}

static uint64_t page_of(const struct overlay *c, uint64_t at)
{
    return (at - c->start) / page_size;
}

static off_t data_of(const struct overlay *c, uint64_t at)
{
    return (off_t)(c->data_at + (at - c->start));
}

/* Copies the pages that have no sum yet. The kernel reads the alias: it returns an error, and sends
 * no signal, for a page that cannot be had. */
static long copy_pages(const struct overlay *c, int fd, uint64_t at, size_t pages)
{
    for (size_t i = 0, run; i < pages; i += run) {
        for (run = 1; i + run < pages && !sums[i + run] == !sums[i];)
            run++;
        uint64_t here = at + i * page_size;
        size_t len = run * page_size;
        if (!sums[i] && sys_pwrite(fd, (const void *)(c->alias + (here - c->start)), len,
                                   data_of(c, here)) != (long)len)
            return -EFAULT;
    }
    return 0;
}

/* Adds the pages from at on that had no sum. Returns false if there are too many ranges. */
static bool add_news(struct spilled_news *news, uint64_t at, size_t pages)
{
    for (size_t i = 0; i < pages; i++, at += page_size) {
        if (stored[i])
            continue;
        if (!news->count || news->at[news->count - 1].high != at) {
            if (news->count == sizeof news->at / sizeof *news->at)
                return false;
            news->at[news->count++].low = at;
        }
        news->at[news->count - 1].high = at + page_size;
    }
    return true;
}

/* A page that is in the spill file, and was not stored to there, may be an old copy: the program
 * may have gone on with the file's page. It is copied anew, unless another process may see it. */
static void copy_clean_anew(const struct overlay *c, int fd, uint64_t at, size_t pages)
{
    bool any = false;
    for (size_t i = 0; i < pages; i++)
        any |= sums[i] != 0;
    if (!any || spillfile_shared(c->file) ||
        sys_pread(fd, data, pages * page_size, data_of(c, at)) != (long)(pages * page_size))
        return;
    for (size_t i = 0; i < pages; i++)
        if (sums[i] && spill_sum_of(data + i * page_size, page_size) == sums[i])
            sums[i] = 0;
}

/* Copies one piece. */
static long copy_piece(const struct overlay *c, int fd, uint64_t at, size_t pages,
                       struct spilled_news *news)
{
    const size_t len = pages * page_size;
    long answer = spillfile_get_sums(fd, c->sums_at, page_of(c, at), sums, pages);
    memcpy(stored, sums, pages * sizeof *sums);
    if (answer == 0) {
        copy_clean_anew(c, fd, at, pages);
        answer = copy_pages(c, fd, at, pages);
    }
    if (answer < 0)
        return answer;
    if (sys_pread(fd, data, len, data_of(c, at)) != (long)len)
        return -EIO;
    if (!add_news(news, at, pages))
        return -E2BIG;
    for (size_t i = 0; i < pages; i++)
        if (!sums[i])
            sums[i] = spill_sum_of(data + i * page_size, page_size);
    return spillfile_put_sums(fd, c->sums_at, page_of(c, at), sums, pages);
}

long spilled_copy_in(const struct overlay *c, int fd, uint64_t low, uint64_t high,
                     struct spilled_news *news)
{
    uint64_t bytes = 0;
    news->count = 0;
    for (uint64_t at = low; at < high;) {
        size_t pages = (high - at) / page_size;
        if (pages > piece_pages())
            pages = piece_pages();
        long answer = copy_piece(c, fd, at, pages, news);
        if (answer < 0)
            return answer;
        at += pages * page_size;
    }
    for (unsigned i = 0; i < news->count; i++)
        bytes += news->at[i].high - news->at[i].low;
    return (long)bytes;
}

bool spilled_block(const struct place *places, unsigned count, const struct overlay *c, int fd)
{
    uint64_t nowhere = spillfile_nowhere(c->file);
    for (unsigned i = 0; i < count; i++)
        if (sys_failed(sys_mmap(places[i].start, places[i].end - places[i].start,
                                PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                                (off_t)nowhere)))
            return false;
    return true;
}

/* A folder with noexec refuses executable places. Where the program may store, it can from the
 * mapping on. */
static int turn_of(const struct place *place)
{
    return place->prot & PROT_EXEC ? 0 : place->prot & PROT_WRITE ? 2 : 1;
}

long spilled_show(const struct place *places, unsigned count, const struct overlay *c, int fd)
{
    for (int turn = 0; turn <= 2; turn++) {
        for (unsigned i = 0; i < count; i++) {
            const struct place *p = &places[i];
            if (turn_of(p) != turn)
                continue;
            long at = sys_mmap(p->start, p->end - p->start, p->prot, MAP_SHARED | MAP_FIXED, fd,
                               data_of(c, p->offset));
            if (sys_failed(at))
                return at;
        }
    }
    return 0;
}

bool spilled_show_file(const struct place *places, unsigned count, const struct overlay *c)
{
    bool done = true;
    for (unsigned i = 0; i < count; i++)
        done &= overlays_put_back(c, &places[i]) == 0;
    return done;
}

/* The size of the file, which its kept open file tells, or its name; or -errno. */
static long size_of_file(const struct overlay *c)
{
    struct procmap m;
    struct stat st;
    if (c->keep)
        return keeps_size(c->keep);
    long answer = procmaps_at(PROCMAPS_SELF, c->alias, &m, data, sizeof data);
    if (answer < 0 || m.path_len >= (size_t)(data + sizeof data - m.path))
        return answer < 0 ? answer : -ENAMETOOLONG;
    ((char *)m.path)[m.path_len] = '\0';
    answer = sys_stat(m.path, &st);
    if (answer < 0 || st.st_ino != c->of.ino || (c->of.st_dev && c->of.st_dev != st.st_dev))
        return answer < 0 ? answer : -ESTALE;
    return (long)st.st_size;
}

/* A page past the end of the file is one that the kernel would have discarded. It reads as zeros,
 * as it will when the file grows again. *size is the file's, or UNASKED: it is asked for once. */
#define UNASKED LONG_MIN
static bool drop_gone(const struct overlay *c, int fd, uint64_t at, spill_sum *sum, long *size)
{
    if (sys_readable(c->alias + (at - c->start)))
        return false;
    if (*size == UNASKED)
        *size = size_of_file(c);
    if (*size < 0 || (uint64_t)*size > at)
        return false;
    spillfile_punch(fd, (uint64_t)data_of(c, at), page_size);
    memset(data, 0, page_size);
    *sum = spill_sum_of(data, page_size);
    return true;
}

/* Reads what the file holds there now into data, through the kernel, and sets *sum. Returns 0;
 * -EFAULT if the file has no such page, or it cannot be read; -EIO if the spill file fails. */
static long sum_in_file(const struct overlay *c, int fd, uint64_t at, spill_sum *sum)
{
    off_t scratch = (off_t)spillfile_scratch();
    long got = sys_pwrite(fd, (const void *)(c->alias + (at - c->start)), page_size, scratch);
    if (got == -EFAULT)
        return -EFAULT;
    if (got != (long)page_size || sys_pread(fd, data, page_size, scratch) != (long)page_size)
        return -EIO;
    *sum = spill_sum_of(data, page_size);
    return 0;
}

/* Writes the page to the file. The kernel writes to the alias, so it returns an error if there is
 * no space. A shared page is copied first: another process may store to it meanwhile, and the sum
 * must be that of what was written. */
static bool to_file(const struct overlay *c, int fd, uint64_t at, spill_sum *sum)
{
    off_t scratch = (off_t)spillfile_scratch(), from = data_of(c, at);
    if (spillfile_shared(c->file)) {
        if (sys_pread(fd, data, page_size, from) != (long)page_size ||
            sys_pwrite(fd, data, page_size, scratch) != (long)page_size)
            return false;
        *sum = spill_sum_of(data, page_size);
        from = scratch;
    }
    return sys_pread(fd, (void *)(c->alias + (at - c->start)), page_size, from) == (long)page_size;
}

/* Writes one piece back, whose sums are in sums. ESTALE: some of its pages stay. */
static int write_piece(const struct overlay *c, int fd, uint64_t at, size_t pages)
{
    size_t len = pages * page_size;
    int error = 0;
    bool changed = false, stale = false;
    long size = UNASKED;
    if (sys_pread(fd, data, len, data_of(c, at)) != (long)len)
        return EIO;
    for (size_t i = 0; i < pages; i++)
        stored[i] = spill_sum_of(data + i * page_size, page_size);
    for (size_t i = 0; i < pages && !error; i++) {
        uint64_t here = at + i * page_size;
        if (!sums[i] || stored[i] == sums[i])
            continue;
        spill_sum there = 0;
        long read = sum_in_file(c, fd, here, &there);
        if (read == -EIO) {
            error = EIO;
        } else if (read == 0 && there != sums[i] && there != stored[i]) {
            stale = true;
        } else if (there == stored[i] || to_file(c, fd, here, &stored[i])) {
            sums[i] = stored[i];
            STATUS_ADD(returned, 1);
            changed = true;
        } else if (drop_gone(c, fd, here, &sums[i], &size)) {
            changed = true;
        } else {
            error = c->error;
        }
    }
    if (changed && spillfile_put_sums(fd, c->sums_at, page_of(c, at), sums, pages) < 0)
        error = EIO;
    return error ? error : stale ? ESTALE : 0;
}

/* The first page at or past at that may have a sum, because the spill file has data for it;
 * UINT64_MAX: there is none. */
static uint64_t next_with_sum(const struct overlay *c, int fd, uint64_t at)
{
    enum { DATA = 3 }; /* SEEK_DATA */
    long next = sys_lseek(fd, (off_t)(c->sums_at + page_of(c, at) * sizeof *sums), DATA);
    if (next == -ENXIO)
        return UINT64_MAX;
    if (next < 0) /* the filesystem does not tell its holes */
        return at;
    uint64_t page = c->start + ((uint64_t)next - c->sums_at) / sizeof *sums * page_size;
    return page > at ? page : at;
}

/* Calls work for each piece of [low, high) that has pages, until it returns neither 0 nor
 * ESTALE. */
static int each_piece(const struct overlay *c, int fd, uint64_t low, uint64_t high,
                      int (*work)(const struct overlay *c, int fd, uint64_t at, size_t pages))
{
    bool stale = false;
    for (uint64_t at = low; at < high;) {
        size_t pages = (high - at) / page_size;
        if (pages > piece_pages())
            pages = piece_pages();
        if (spillfile_get_sums(fd, c->sums_at, page_of(c, at), sums, pages) < 0)
            return EIO;
        bool any = false;
        for (size_t i = 0; i < pages; i++)
            any |= sums[i] != 0;
        int error = any ? work(c, fd, at, pages) : 0;
        if (error && error != ESTALE)
            return error;
        stale |= error == ESTALE;
        at += pages * page_size;
        if (!any)
            at = next_with_sum(c, fd, at);
    }
    return stale ? ESTALE : 0;
}

static bool (*go_on)(const struct overlay *c);

static int write_piece_if(const struct overlay *c, int fd, uint64_t at, size_t pages)
{
    return go_on(c) ? write_piece(c, fd, at, pages) : c->error;
}

int spilled_write_back(const struct overlay *c, int fd, uint64_t low, uint64_t high,
                       bool (*may_go_on)(const struct overlay *c))
{
    go_on = may_go_on;
    return each_piece(c, fd, low, high, write_piece_if);
}

/* What the program has made zeros in the file, in bytes. */
static struct {
    uint64_t from, to;
} zeroed;

/* The page that lies across a border of [from, to) is spilled, and the file holds there what its
 * sum says. */
static bool border_is_clean(const struct overlay *c, int fd, uint64_t border)
{
    uint64_t at = border / page_size * page_size;
    spill_sum sum = 0, there;
    return at != border && at >= c->low && at < c->high &&
           spillfile_get_sums(fd, c->sums_at, page_of(c, at), &sum, 1) == 0 && sum &&
           sum_in_file(c, fd, at, &there) == 0 && there == sum;
}

void spilled_borders(const struct overlay *c, int fd, uint64_t from, uint64_t to, bool clean[2])
{
    clean[0] |= border_is_clean(c, fd, from);
    clean[1] |= border_is_clean(c, fd, to);
}

static const bool *borders_clean;

static int zero_piece(const struct overlay *c, int fd, uint64_t at, size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        uint64_t here = at + i * page_size, end = here + page_size;
        uint64_t from = zeroed.from > here ? zeroed.from : here,
                 to = zeroed.to < end ? zeroed.to : end;
        spill_sum there, nothing;
        if (!sums[i] || from >= to)
            continue;
        long read = sum_in_file(c, fd, here, &there);
        if (read == -EIO)
            return EIO;
        if (read < 0) /* past the end */
            continue;
        memset(data, 0, page_size);
        nothing = spill_sum_of(data, page_size);
        if (from == here && to == end && there != nothing)
            continue; /* written since */
        if (sys_pwrite(fd, data, to - from, data_of(c, from)) != (long)(to - from))
            return EIO;
        if ((from == here || borders_clean[0]) && (to == end || borders_clean[1]))
            sums[i] = there;
    }
    return spillfile_put_sums(fd, c->sums_at, page_of(c, at), sums, pages) < 0 ? EIO : 0;
}

int spilled_zero(const struct overlay *c, int fd, uint64_t from, uint64_t to, const bool clean[2])
{
    uint64_t low = from / page_size * page_size, high = page_up(to);
    zeroed.from = from;
    zeroed.to = to;
    borders_clean = clean;
    return each_piece(c, fd, low > c->low ? low : c->low, high < c->high ? high : c->high,
                      zero_piece);
}

static struct {
    uint64_t first, end;
} left;

static int find_left(const struct overlay *c, int fd, uint64_t at, size_t pages)
{
    bool good = sys_pread(fd, data, pages * page_size, data_of(c, at)) == (long)(pages * page_size);
    for (size_t i = 0; i < pages; i++) {
        uint64_t here = at + i * page_size;
        if (!sums[i] || (good && spill_sum_of(data + i * page_size, page_size) == sums[i]))
            continue;
        left.first = here < left.first ? here : left.first;
        left.end = here + page_size;
    }
    return 0;
}

void spilled_left(const struct overlay *c, int fd, uint64_t *low, uint64_t *high)
{
    left.first = *high;
    left.end = *high;
    if (each_piece(c, fd, *low, *high, find_left))
        return; /* a page that cannot be read may be one that stays */
    *low = left.first;
    *high = left.end;
}

#define NO_ROOM (-1)
#define ROOM (-2)

/* Asks for the file's page, which does not change it. A kernel before Linux 5.14 does not know that
 * question, and there is no answer for a page past the end of the file. */
static int ask_for_room(const struct overlay *c, int fd, uint64_t at, size_t pages)
{
    if (sys_pread(fd, data, pages * page_size, data_of(c, at)) != (long)(pages * page_size))
        return ROOM;
    for (size_t i = 0; i < pages; i++) {
        uintptr_t page = c->alias + (at + i * page_size - c->start);
        if (!sums[i] || spill_sum_of(data + i * page_size, page_size) == sums[i])
            continue;
        return sys_madvise(page, page_size, POPULATE_WRITE) == -EFAULT && sys_readable(page)
                   ? NO_ROOM
                   : ROOM;
    }
    return 0;
}

bool spilled_has_room(const struct overlay *c, int fd, uint64_t low, uint64_t high)
{
    return each_piece(c, fd, low, high, ask_for_room) != NO_ROOM;
}

/* How many pages from at on the spill file has, or lacks: *has says which. At most SUMS_AT_ONCE; 0:
 * the sums cannot be read. */
static size_t run_from(const struct overlay *c, int fd, uint64_t at, uint64_t end, bool *has)
{
    size_t pages = (end - at) / page_size, n = 1;
    if (pages > SUMS_AT_ONCE)
        pages = SUMS_AT_ONCE;
    if (spillfile_get_sums(fd, c->sums_at, page_of(c, at), present, pages) < 0)
        return 0;
    *has = present[0];
    while (n < pages && !present[n] == !present[0])
        n++;
    return n;
}

/* Makes all of the place known to the model, which has to find it when the file is shown again. */
static bool make_known(const struct place *place)
{
    bool known = model_take();
    if (!known)
        return false;
    for (uintptr_t at = place->start, to; known && at < place->end; at = to) {
        const struct region *r = regions_from(at);
        bool there = r && r->start <= at;
        to = there ? r->end : r && r->start < place->end ? r->start : place->end;
        known = there ||
                regions_add(at, to, NULL, REGION_SHARED | REGION_FOREIGN | (uint32_t)place->prot);
    }
    model_drop();
    return known;
}

void spilled_show_present(unsigned n, int fd, const struct place *place)
{
    const struct overlay *c = &overlays[n];
    uint64_t end = place->offset + (place->end - place->start), len;
    if (!make_known(place))
        return;
    for (uint64_t at = place->offset; at < end; at += len) {
        bool has;
        len = run_from(c, fd, at, end, &has) * page_size;
        if (!len)
            return;
        uintptr_t start = place->start + (at - place->offset);
        const struct place run = { start, start + len, at, place->prot };
        if (has && spilled_show(&run, 1, c, fd) == 0 && model_take()) {
            regions_set_overlay(run.start, run.end, n);
            count_add(2);
            model_drop();
        }
    }
}

uint64_t spilled_clear(const struct overlay *c, int fd, uint64_t low, uint64_t high)
{
    size_t cleared = 0;
    bool all = low < high;
    for (uint64_t at = low; at < high; at += piece_pages() * page_size) {
        size_t pages = (high - at) / page_size, count = 0;
        if (pages > piece_pages())
            pages = piece_pages();
        if (spillfile_get_sums(fd, c->sums_at, page_of(c, at), sums, pages) == 0)
            for (size_t i = 0; i < pages; i++)
                count += sums[i] != 0;
        memset(sums, 0, sizeof sums);
        if (spillfile_put_sums(fd, c->sums_at, page_of(c, at), sums, pages) == 0)
            cleared += count;
        else
            all = false;
    }
    /* A page of zeros with a sum would be one that was stored to. */
    if (all)
        spillfile_punch(fd, (uint64_t)data_of(c, low), high - low);
    spillfile_unreserve(cleared * page_size);
    return cleared * page_size;
}

static uint64_t kept;

/* Clears the sums of a piece whose pages still hold what they say. */
static int take_piece_back(const struct overlay *c, int fd, uint64_t at, size_t pages)
{
    size_t with = 0, without = 0;
    bool read = sys_pread(fd, data, pages * page_size, data_of(c, at)) == (long)(pages * page_size);
    for (size_t i = 0; i < pages; i++) {
        with += sums[i] != 0;
        if (sums[i] && read && spill_sum_of(data + i * page_size, page_size) == sums[i]) {
            sums[i] = 0;
            without++;
        }
    }
    bool put = spillfile_put_sums(fd, c->sums_at, page_of(c, at), sums, pages) == 0;
    kept += (put ? with - without : with) * page_size;
    return 0;
}

uint64_t spilled_take_back(const struct overlay *c, int fd, const struct spilled_news *news)
{
    kept = 0;
    for (unsigned i = 0; i < news->count; i++)
        each_piece(c, fd, news->at[i].low, news->at[i].high, take_piece_back);
    return kept;
}

void spilled_give_up(const struct overlay *c, int fd, uint64_t low, uint64_t high)
{
    size_t pages;
    for (uint64_t at = low; at < high; at += pages * page_size) {
        bool has;
        pages = run_from(c, fd, at, high, &has);
        if (!pages)
            return;
        if (!has)
            spillfile_punch(fd, (uint64_t)data_of(c, at), pages * page_size);
    }
}

void spilled_trim(const struct overlay *c, int fd, uint64_t size)
{
    uint64_t at = size > c->low ? size / page_size * page_size : c->low;
    memset(data, 0, sizeof data);
    spill_sum nothing = spill_sum_of(data, page_size);
    for (; at < c->high; at += page_size) {
        spill_sum sum = 0;
        uint64_t page = page_of(c, at);
        if (spillfile_get_sums(fd, c->sums_at, page, &sum, 1) < 0 || !sum)
            continue;
        if (at < size) { /* the last page: its end reads as zeros */
            sys_pwrite(fd, data, page_size - (size - at), data_of(c, size));
            continue;
        }
        sys_pwrite(fd, data, page_size, data_of(c, at));
        spillfile_put_sums(fd, c->sums_at, page, &nothing, 1);
    }
}
