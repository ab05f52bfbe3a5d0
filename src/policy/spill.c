/*
 * spill: see spill.h. What moves pages is model/spilled.c; here is what is covered when.
 */
#define _GNU_SOURCE
#include "policy/spill.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "model/count.h"
#include "model/merge.h"
#include "model/model.h"
#include "model/procmaps.h"
#include "model/regions.h"
#include "model/spilled.h"
#include "model/spillfile.h"

#define SETTLE_MS 1000
#define FIRST_RUN (64UL << 10)
#define LONG_RUN (8UL << 20)
#define MANY_PIECES 10 /* of one file: from there on runs are large enough to stay below 64 maps */

/* Working space; cover lock held. */
static char list[8 << 10];
static struct place places[PLACES_MAX];

/* True if it was the last in its spill file, which goes with it. */
static bool drop_cover(unsigned n)
{
    unsigned file = covers[n].file, left = 0;
    covers_remove(n);
    for (unsigned i = 1; i <= COVERS_MAX; i++)
        left += covers[i].kind == COVER_SPILL && covers[i].file == file;
    if (!left)
        spillfile_remove(file);
    return !left;
}

/* ---- into the spill file ---- */

/* Cuts [*start, *end), which holds at, down to what no cover of the file has: a page has one place in the
 * spill file. The number of the cover that has the page itself, or 0. */
static unsigned clip_to_gap(const struct fault_page *p, uint64_t *start, uint64_t *end)
{
    for (unsigned n = 1; n <= COVERS_MAX; n++) {
        const struct cover *c = &covers[n];
        if (c->kind != COVER_SPILL || c->dev != p->dev || c->ino != p->ino)
            continue;
        if (p->at >= c->start && p->at < c->start + c->len)
            return n;
        if (c->start > p->at && c->start < *end)
            *end = c->start;
        if (c->start < p->at && c->start + c->len > *start)
            *start = c->start + c->len;
    }
    return 0;
}

/* The cover of this file that reaches this page, made if there is none; 0 and *why if it cannot. */
static unsigned cover_for(const struct fault_page *p, const char *program, long *why)
{
    uint64_t start = p->map.offset, map_end = start + (p->map.end - p->map.start), end = map_end;
    if (p->size_known && page_up(p->size) > end)
        end = page_up(p->size);
    unsigned n = clip_to_gap(p, &start, &end);
    if (n)
        return n;
    long file = spillfile_own(page_size, program);
    *why = file;
    if (file < 0)
        return 0;
    n = covers_add(COVER_SPILL);
    *why = -ENFILE;
    if (!n)
        return 0;
    struct cover *c = &covers[n];
    c->dev = p->dev;
    c->ino = p->ino;
    c->start = start;
    c->error = p->error;
    c->file = (unsigned)file;
    c->prot = p->map.prot;
    c->run = FIRST_RUN;
    uintptr_t from = p->map.start + (start - p->map.offset);
    long alias = sys_mremap(from, 0, end - start, MREMAP_MAYMOVE, 0);
    if (sys_failed(alias) && end > map_end)
        alias = sys_mremap(from, 0, (end = map_end) - start, MREMAP_MAYMOVE, 0);
    c->len = end - start;
    c->alias = sys_failed(alias) ? 0 : (uintptr_t)alias;
    long fd = sys_failed(alias) ? alias : spillfile_open(c->file);
    const struct spill_range range = { p->dev, p->ino, c->start, c->len, p->error, p->path_len };
    *why = fd < 0 ? fd : spillfile_add(c->file, (int)fd, &range, p->path, &c->data_at, &c->sums_at);
    if (fd >= 0)
        sys_close((int)fd);
    if (*why >= 0) {
        count_add(1);
        return n;
    }
    drop_cover(n);
    return 0;
}

/* r, which ends or starts at the border, is covered. */
static bool is_covered(const struct region *r, uintptr_t border, bool ends)
{
    return r && (r->kind & REGION_COVERED) && (ends ? r->end : r->start) == border;
}

/* How far around the page the run may go: [*low, *high) of the file; dense: it continues another. Model
 * lock held. */
static long choose_run(const struct cover *c, const struct fault_page *p, size_t size, uint64_t *low,
                       uint64_t *high, bool *dense)
{
    struct region *r = regions_from(p->page);
    uintptr_t first = p->page, last = p->page + page_size;
    if (!r || r->start > p->page) {
        r = regions_add(first, last, NULL, REGION_SHARED | REGION_FOREIGN | (uint32_t)p->map.prot);
        if (!r)
            return -ENOMEM;
    }
    if (r->kind & REGION_COVERED)
        return -EBUSY;
    if (r->kind & REGION_CHANGING)
        return -EAGAIN;
    first = r->start > p->map.start ? r->start : p->map.start;
    last = r->end < p->map.end ? r->end : p->map.end;
    uint64_t least = p->map.offset + (first - p->map.start);
    uint64_t most = p->map.offset + (last - p->map.start);
    if (least < c->start)
        least = c->start;
    if (most > c->start + c->len)
        most = c->start + c->len;
    if (p->size_known && most > page_up(p->size))
        most = page_up(p->size);
    *low = p->at & ~(uint64_t)(size - 1);
    *high = *low + size;
    /* What would be left over between two runs is taken along: each rest is a map. */
    if (*low < least + size / 2)
        *low = least;
    if (*high + size / 2 > most)
        *high = most;
    if (size == page_size) {
        *low = p->at;
        *high = p->at + page_size;
    }
    *dense = (*low == least && is_covered(r->before, r->start, true)) ||
             (*high == most && is_covered(r->after, r->end, false));
    return 0;
}

/* Those of the places that the model knows, or that hold the page itself, are claimed; none while a
 * call changes one of them. */
static unsigned claim(unsigned count, unsigned cover, uintptr_t page)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++)
        if (regions_changing(places[i].start, places[i].end))
            return 0;
    for (unsigned i = 0; i < count; i++) {
        bool ours = places[i].start <= page && page < places[i].end;
        if (!ours && !regions_cover(places[i].start, places[i].end))
            continue;
        covers_claim(places[i].start, places[i].end);
        regions_set_cover(places[i].start, places[i].end, cover);
        places[kept++] = places[i];
    }
    return kept;
}

/* The first of the ranges show the file, the others are covered for good. */
static void release(unsigned count, unsigned uncovered)
{
    if (!model_take())
        return;
    for (unsigned i = 0; i < uncovered; i++) {
        regions_set_cover(places[i].start, places[i].end, 0);
        struct region *r = regions_from(places[i].start);
        if (r)
            merge_settle(&r);
    }
    covers_release();
    count_add(2 * (long)(count - uncovered));
    model_drop();
}

static long cover_run(unsigned n, const struct fault_page *p, size_t size, bool *dense)
{
    struct cover *c = &covers[n];
    uint64_t low, high;
    if (!model_take())
        return -EDEADLK;
    long answer = choose_run(c, p, size, &low, &high, dense);
    model_drop();
    if (answer < 0)
        return answer;
    long fd = spillfile_open(c->file);
    if (fd < 0)
        return fd;
    answer = spillfile_reserve((int)fd, c->data_at, c->sums_at, low - c->start, high - low);
    if (answer < 0) {
        sys_close((int)fd);
        return answer;
    }
    places[0] = (struct place){ p->page - (p->at - low), p->page + (high - p->at), low, p->map.prot };
    unsigned count = 1 + covers_places(p->dev, p->ino, low, high, p->page, places + 1, PLACES_MAX - 1);
    if (!model_take()) {
        sys_close((int)fd);
        return -EDEADLK;
    }
    uint64_t low_now, high_now; /* the region may have changed meanwhile */
    answer = choose_run(c, p, size, &low_now, &high_now, dense);
    if (answer == 0 && (low_now > low || high_now < high))
        answer = -EAGAIN;
    count = answer == 0 ? claim(count, n, p->page) : 0;
    model_drop();
    bool sound = count > 0;
    for (unsigned i = 0; i < count; i++)
        sound &= covers_still(&places[i], p->dev, p->ino);
    if (!sound) {
        release(count, count);
        sys_close((int)fd);
        return answer < 0 ? answer : -EAGAIN;
    }
    answer = spilled_block(places, count, c, (int)fd) ? spilled_copy_in(c, (int)fd, low, high) : -ENOMEM;
    if (answer == 0 && !spilled_show(places, count, c, (int)fd))
        answer = -ENOMEM;
    if (answer < 0)
        spilled_show_file(places, count, c);
    sys_close((int)fd);
    release(count, answer < 0 ? count : 0);
    if (answer < 0)
        return answer;
    if (c->low == c->high) {
        c->low = low;
        c->high = high;
    }
    c->low = low < c->low ? low : c->low;
    c->high = high > c->high ? high : c->high;
    c->pieces++;
    return 0;
}

/* Stores one after another get longer runs; scattered ones a short run each, until those are many: a
 * sixteenth of the file leaves few gaps. */
static size_t next_run(const struct cover *c, bool dense)
{
    size_t most = LONG_RUN;
    while (c->pieces >= MANY_PIECES && most < c->len / 16)
        most *= 2;
    return (dense || c->pieces >= MANY_PIECES) && c->run < most ? c->run * 2 : c->run;
}

long spill_store(const struct fault_page *p, const char *program)
{
    long answer = -EINVAL;
    unsigned n = p->shared ? cover_for(p, program, &answer) : 0;
    if (!n)
        return answer;
    struct cover *c = &covers[n];
    c->error = p->error;
    size_t size = c->run;
    bool dense = false;
    for (;;) {
        answer = cover_run(n, p, size, &dense);
        if (answer == 0 || answer == -EAGAIN || size == page_size)
            break;
        size = size > FIRST_RUN ? FIRST_RUN : page_size;
    }
    if (answer == 0) {
        c->run = next_run(c, dense);
    } else if (answer != -EAGAIN && c->low == c->high) {
        spillfile_take_back(c->file, c->data_at);
        drop_cover(n);
    }
    return answer;
}

const char *spill_path(void)
{
    static char folder[256];
    if (*spillfile_own_path())
        return spillfile_own_path();
    size_t len = options.spill_dir.len < sizeof folder ? options.spill_dir.len : sizeof folder - 1;
    if (!len)
        return "/var/tmp, /tmp or /dev/shm";
    memcpy(folder, options.spill_dir.at, len);
    folder[len] = '\0';
    return folder;
}

/* ---- and back ---- */

/* Where in its file a covered range lies is asked of the kernel: it shows the spill file's offset.
 * False: it was changed unseen. */
static bool locate(const struct cover *c, struct place *place)
{
    struct procmap m;
    if (procmaps_at(PROCMAPS_SELF, place->start, &m, list, sizeof list) < 0 || !m.shared ||
        m.inode != spillfile_ino(c->file))
        return false;
    uint64_t at = m.offset + (place->start - m.start);
    if (at < c->data_at || at >= c->data_at + c->len)
        return false;
    if (place->end > m.end) /* the rest comes next time */
        place->end = m.end;
    place->offset = at - c->data_at + c->start;
    return true;
}

/* What was stored to these places, which are blocked, goes to the file. */
static int write_places(const struct cover *c, int fd, unsigned count)
{
    int error = 0;
    for (unsigned i = 0; i < count && !error; i++)
        error = spilled_write_back(c, fd, places[i].offset,
                                   places[i].offset + (places[i].end - places[i].start), SPILLED_MAPPED);
    return error;
}

/* There is space: writes back what is mapped, and switches back. Where the kernel has no map left for
 * that, the spill file's pages stay. */
static int uncover(unsigned n, int fd)
{
    const struct cover *c = &covers[n];
    int error = 0;
    bool busy;
    for (unsigned count; !error && ((count = covers_claim_all(n, places, &busy)) > 0 || busy);) {
        unsigned kept = 0, shown = 0;
        for (unsigned i = 0; i < count; i++) {
            if (locate(c, &places[i]))
                places[kept++] = places[i];
            else
                covers_forget(&places[i]);
        }
        error = spilled_block(places, kept, c, fd) ? write_places(c, fd, kept) : ENOMEM;
        while (!error && shown < kept && covers_put_back(c, &places[shown]) == 0)
            shown++;
        if (shown < kept) {
            error = error ? error : ENOMEM;
            spilled_show(places + shown, kept - shown, c, fd);
        }
        release(kept, shown);
        if (!count && busy)
            error = c->error; /* next time */
    }
    return error;
}

/* What msync does not say, because it is about to say that there is no space. */
static void say_lost_spillfile(const struct cover *c, long error)
{
    static bool said;
    if (!said)
        log_line(LOG_ERROR | LOG_ABOUT_SPILL, "%s, which holds what was spilled, cannot be opened any more (error %ld): nothing "
                 "of it can go back", spillfile_path(c->file), -error);
    said = true;
}

/* 0: everything has gone back. ESTALE: all that is mapped has; the rest is to stay in the spill file,
 * because the file was changed since. */
static int return_cover(unsigned n)
{
    struct cover *c = &covers[n];
    if (model_mine())
        return c->error;
    long fd = spillfile_open(c->file);
    if (fd < 0) {
        say_lost_spillfile(c, fd);
        return c->error;
    }
    /* One page, while the program goes on: is there space? */
    int error = spilled_write_back(c, (int)fd, c->low, c->high, SPILLED_ONE);
    if (!error || error == ESTALE)
        error = uncover(n, (int)fd);
    if (!error)
        error = spilled_write_back(c, (int)fd, c->low, c->high, SPILLED_UNMAPPED);
    if (!error && !spillfile_shared(c->file)) /* a relative's pages are these */
        spilled_clear(c, (int)fd);
    sys_close((int)fd);
    if (!error && drop_cover(n))
        log_line(LOG_INFO | LOG_ABOUT_SPILL, "everything that was spilled has gone back to its files");
    return error;
}

/* Which covers have something in the range. */
static bool find_covers(uintptr_t start, uintptr_t end, bool wanted[COVERS_MAX + 1])
{
    bool any = false;
    if (!model_take())
        return false;
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after)
        if ((r->kind & REGION_COVERED) && covers[r->cover].kind == COVER_SPILL)
            any = wanted[r->cover] = true;
    model_drop();
    return any;
}

int spill_return(uintptr_t start, uintptr_t end)
{
    bool wanted[COVERS_MAX + 1] = { false };
    int error = 0;
    if (!covers_any() || !covers_take())
        return 0;
    if (find_covers(start, end, wanted)) {
        unsigned unused = covers_unused(COVER_SPILL);
        for (unsigned n = 1; n <= COVERS_MAX; n++) {
            int e = wanted[n] ? return_cover(n) : 0;
            error = error || e == ESTALE ? error : e;
        }
        if (unused && !error && covers[unused].kind == COVER_SPILL)
            return_cover(unused);
    }
    covers_drop();
    return error;
}

void spill_settle(void)
{
    static uint64_t next_ms;
    uint64_t now = covers_any() ? sys_now_ms() : 0;
    if (!now || now < __atomic_load_n(&next_ms, __ATOMIC_RELAXED) || !covers_take())
        return;
    __atomic_store_n(&next_ms, now + SETTLE_MS, __ATOMIC_RELAXED);
    for (unsigned n = 1; n <= COVERS_MAX; n++)
        if (covers[n].kind == COVER_SPILL)
            return_cover(n);
    covers_drop();
}

void spill_end(void)
{
    unsigned without_space = 0, changed = 0;
    if (!covers_any() || !covers_take())
        return;
    for (unsigned n = 1; n <= COVERS_MAX; n++) {
        unsigned file = covers[n].file;
        int error = covers[n].kind == COVER_SPILL ? return_cover(n) : 0;
        if (error == ESTALE && !changed++)
            log_line(LOG_ERROR | LOG_ABOUT_SPILL, "a file was written by others since pages of it were spilled: they stay in %s; "
                     "what it would change says: mapherd recover --dry-run %s", spillfile_path(file),
                     spillfile_path(file));
        else if (error && error != ESTALE && !without_space++)
            log_line(LOG_ERROR | LOG_ABOUT_SPILL, "there is still no space for what was spilled: it stays in %s; when there is, "
                     "run: mapherd recover %s", spillfile_path(file), spillfile_path(file));
    }
    covers_drop();
}

/* ---- what else happens to a file with spilled pages ---- */

void spill_met(uintptr_t start, uintptr_t end)
{
    struct procmap m;
    if (!covers_any() || !covers_take())
        return;
    bool known = procmaps_at(PROCMAPS_SELF, start, &m, list, sizeof list) == 0 && m.shared;
    for (unsigned n = 1; known && n <= COVERS_MAX; n++) {
        const struct cover *c = &covers[n];
        if (c->kind != COVER_SPILL || c->ino != m.inode || c->low == c->high)
            continue;
        unsigned count = covers_places(c->dev, c->ino, c->low, c->high, 0, places, PLACES_MAX);
        long fd = spillfile_open(c->file);
        for (unsigned i = 0; i < count && fd >= 0; i++)
            if (places[i].start >= start && places[i].end <= end)
                spilled_show_present(n, (int)fd, &places[i]);
        if (fd >= 0)
            sys_close((int)fd);
    }
    covers_drop();
}

void spill_trim(int fd, uint64_t size)
{
    struct stat st;
    long type = 0;
    if (!covers_any() || sys_fstat(fd, &st) < 0 || !covers_take())
        return;
    sys_fstatfs_type(fd, &type);
    for (unsigned n = 1; n <= COVERS_MAX; n++) {
        const struct cover *c = &covers[n];
        if (c->kind == COVER_SPILL && c->ino == st.st_ino &&
            (c->dev == st.st_dev || type == BTRFS_SUPER_MAGIC) && c->high > size)
            spilled_trim(c, size);
    }
    covers_drop();
}

void spill_forked(bool child)
{
    bool in_use = false;
    for (unsigned n = 1; n <= COVERS_MAX; n++)
        in_use |= covers[n].kind == COVER_SPILL;
    spillfile_forked(child, in_use);
}
