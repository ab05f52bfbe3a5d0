/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill: when which pages are switched. See spill.h; disk/spilled.c moves the pages.
 */
#define _GNU_SOURCE
#include "disk/spill.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "common/due.h"
#include "common/fmt.h"
#include "common/pages.h"
#include "common/words.h"
#include "disk/family.h"
#include "disk/filter.h"
#include "disk/keeps.h"
#include "disk/spilled.h"
#include "disk/spillfile.h"
#include "kernel/aside.h"
#include "kernel/canary.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/holds.h"
#include "space/masters.h"
#include "space/merge.h"
#include "space/model.h"
#include "space/regions.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

#define SETTLE_MS 1000
#define FIRST_RUN (64UL << 10)
#define LONG_RUN (8UL << 20)
#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, Linux 5.14 */
#define PASSES 100        /* of a millisecond each, until others have ended what they do */
#define MANY_PIECES 10 /* of one file: from there on runs are so large that it has below 64 VMAs */

/* The working space of all functions, which the overlay lock protects. */
static char list[8 << 10];
static struct place *places, *ranges; /* overlay_lists */

/* How often pages have been moved into the spill file or back, from 1 on. Overlay lock held. */
static uint64_t moves = 1;

/* Pages of the file of this keep are spilled. */
static bool has_overlay(unsigned keep)
{
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++)
        if (overlays[n].kind == OVERLAY_SPILL && overlays[n].keep == keep)
            return true;
    return false;
}

/* A process that was forked since, or that forked this one, maps the same pages. The two share the
 * lease on the file, too. */
static bool others_map(const struct overlay *c)
{
    long who;
    return spillfile_shared(c->file) && family_shares(c->of.dev, c->of.ino, &who);
}

/* The overlay has that many bytes in the spill file; the metrics tell it in the next call. */
static void set_waiting(struct overlay *c, uint64_t bytes)
{
    STATUS_ADD(spill_waiting, bytes - c->waiting);
    c->waiting = bytes;
    due_set(DUE_METRICS);
}

/* Forked processes use the sums of a shared spill file too; recover takes the same lock.
 * Mappings of it keep the open file, and so the lock: it is released by LOCK_UN. */
static bool lock_shared(const struct overlay *c, int fd)
{
    bool shared = spillfile_shared(c->file);
    while (shared && sys_flock(fd, LOCK_EX) == -EINTR)
        continue;
    return shared;
}

/* The same for a call that may be in a handler of the process that another one waits for: false
 * after a tenth of a second. */
static bool try_lock_shared(const struct overlay *c, int fd, bool *shared)
{
    long answer = 0;
    *shared = spillfile_shared(c->file);
    for (unsigned passes = 1; *shared && passes <= PASSES; passes++) {
        answer = sys_flock(fd, LOCK_EX | LOCK_NB);
        if (answer != -EWOULDBLOCK && answer != -EINTR)
            break;
        sys_nap(1);
    }
    *shared = *shared && answer >= 0;
    return answer >= 0;
}

static void unlock_shared(bool shared, int fd)
{
    if (shared)
        sys_flock(fd, LOCK_UN);
}

/* Removes the overlay. True: it was the last in its spill file, which is removed too. */
static bool drop_overlay(unsigned n)
{
    unsigned file = overlays[n].file, keep = overlays[n].keep, left = 0;
    set_waiting(&overlays[n], 0);
    overlays_remove(n);
    for (unsigned i = 1; i <= OVERLAYS_MAX; i++)
        left += overlays[i].kind == OVERLAY_SPILL && overlays[i].file == file;
    keeps_let_go(keep);
    if (!left)
        spillfile_remove(file);
    return !left;
}

/* ---- whose file it is ---- */

/*
 * When a process opens a file with spilled pages, the kernel delays that open and sends SIGURG.
 * Without a handler, after an execve too, that signal does nothing. A program that has a handler
 * for it keeps it; then the lease is looked at when there is something else to do.
 */
static void on_break(int sig, siginfo_t *info, void *context);

static int break_signal(void)
{
    struct sys_action now,
        ours = { .handler = (uintptr_t)on_break, .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
    if (sys_sigaction(SIGURG, NULL, &now) < 0)
        return 0;
    if (now.handler == ours.handler)
        return SIGURG;
    if (now.handler != (uintptr_t)SIG_DFL && now.handler != (uintptr_t)SIG_IGN)
        return 0;
    ours.mask = ~(SYS_SIGNAL_BIT(SIGBUS) | SYS_SIGNAL_BIT(SIGSEGV) | SYS_SIGNAL_BIT(SIGILL) |
                  SYS_SIGNAL_BIT(SIGFPE) | SYS_SIGNAL_BIT(SIGTRAP) | SYS_SIGNAL_BIT(SIGSYS));
    return sys_sigaction(SIGURG, &ours, NULL) < 0 ? 0 : SIGURG;
}

/* Another process has the file mapped through the same open file. That is looked for before the
 * first page is spilled, and later so often that it takes a twentieth of the time. */
static bool is_mapped_elsewhere(unsigned keep, const struct fault_page *p)
{
    static uint64_t next_ms[KEEPS_MAX + 1];
    uint64_t before = sys_now_ms();
    if (has_overlay(keep) && before < next_ms[keep])
        return false;
    bool found = mappers_other(p->of.dev, p->of.ino) != 0;
    uint64_t after = sys_now_ms();
    next_ms[keep] = after + SETTLE_MS + 20 * (after - before);
    return found;
}

/* Proves that no other process can see the file: 0; or -errno, see spill_why. *taken: the lease was
 * taken for that. */
static long prove(unsigned keep, const struct fault_page *p, bool *taken)
{
    long who;
    *taken = false;
    if (!keep)
        return filter_refuses() ? -EKEYREJECTED : -ENOKEY;
    /* No fork comes in between: it waits for the overlay lock. */
    if (family_shares(p->of.dev, p->of.ino, &who))
        return -EMLINK;
    /* A process whose open is delayed has seen nothing yet: the spilling goes on until it is to see
     * everything. */
    enum lease_state state = keeps_state(keep, break_signal());
    if (state == LEASE_UNKNOWN)
        return -ECHILD;
    if (state != LEASE_HELD && state != LEASE_ASKED) {
        long answer = keeps_lease(keep, break_signal());
        if (answer < 0)
            return answer == -EAGAIN ? -ETXTBSY : answer;
        *taken = true;
    }
    return is_mapped_elsewhere(keep, p) ? -EMLINK : 0;
}

/* The keep of the file, which the caller lets go; 0: there is none. Of a mapping that no hook has
 * seen, or that is older than a fork, the program may have a descriptor, which is asked for. */
static unsigned keep_of(const struct fault_page *p)
{
    unsigned keep = 0;
    if (!model_take())
        return 0;
    struct region *r = regions_from(p->page);
    if (r && r->start <= p->page)
        keep = r->keep;
    holds_add(keep);
    model_drop();
    if (!keep && p->of.st_dev)
        keep = keeps_find(p->of.st_dev, p->of.ino);
    if (keep)
        keeps_refill(keep, p->dies);
    else if (p->of.st_dev)
        keep = keeps_adopt(p->of.st_dev, p->of.ino, p->dies);
    return keep;
}

/* Spilled pages may be written to the file now. */
static bool may_write(const struct overlay *c)
{
    if (!c->keep)
        return true;
    enum lease_state state = keeps_state(c->keep, break_signal());
    return state == LEASE_HELD || state == LEASE_ASKED ||
           (state == LEASE_NONE && keeps_lease(c->keep, break_signal()) == 0);
}

/* The same, in the middle of a long write: asked now and then, because the kernel takes a lease
 * away that is not given back in time (fs.lease-break-time). */
static bool may_go_on(const struct overlay *c)
{
    enum { EVERY_MS = 50 };
    static uint64_t next_ms;
    uint64_t now = sys_now_ms();
    if (now < next_ms)
        return true;
    bool may = may_write(c);
    next_ms = may ? now + EVERY_MS : 0;
    return may;
}

const char *spill_why(long error)
{
    switch (error) {
    case -EFBIG:
        return "MAPHERD_SPILL_MAX is reached, or the limit on the size of files (ulimit -f)";
    case -ENOSPC:
    case -EDQUOT: return "there is no space either; MAPHERD_SPILL_DIR names another folder";
    case -EOPNOTSUPP:
        return "its filesystem cannot allocate space in advance; MAPHERD_SPILL_DIR names another folder";
    case -ETXTBSY:
        return "the file is open more than once, in another process or in this one, and what is spilled is "
               "not seen there";
    case -EMLINK:
        return "another process shares the open file and has it mapped, and would not see what is spilled";
    case -ENOKEY:
        return "nothing proves that no other process uses the file: that is known on ext4, xfs, btrfs and f2fs, for "
               "files that lacked space when they were mapped, or, under a seccomp filter (MAPHERD_SECCOMP), that the program has open; "
               "MAPHERD_SIGBUS=auto,GLOB=spill says so";
    case -EKEYREJECTED:
        return "the process was started under a seccomp filter, and a child that made the calls of spilling first did not "
               "live through them, or was refused one; MAPHERD_SIGBUS=auto,GLOB=spill spills without the proof";
    case -EBADF:
        return "its open file is not kept: the map is older than the fork that made the process, which has no descriptor of "
               "the file any more, or the program has closed mapherd's sockets; MAPHERD_SIGBUS=auto,GLOB=spill spills without the proof";
    case -ECHILD:
        return "the kernel could not be asked whether another process uses the file: the process can have no thread, or no "
               "descriptor, more (the limit on pids, ulimit -u, ulimit -n)";
    case -EACCES:
        return "the file is another user's, and the kernel proves to its owner alone that no other process uses it";
    case -E2BIG: return "the program has too many maps of that part of the file";
    case -EAGAIN:
        return "the program has a map of that part of the file that mapherd does not know, or one that is being "
               "changed all the while";
    case -EUSERS: return "the program uses leases or signals on the file itself";
    case -EINVAL: return "the kernel gives no lease on the file (fs.leases-enable)";
    default: return reason_of(-error);
    }
}

/* ---- into the spill file ---- */

/* Narrows [*start, *end), in which p lies, to what no overlay of the file has, because a page has
 * one place in the spill file. Returns the number of the overlay that has the page itself, or 0. */
static unsigned clip_to_gap(const struct overlaid_file *of, const struct fault_page *p,
                            uint64_t *start, uint64_t *end)
{
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        const struct overlay *c = &overlays[n];
        if (c->kind != OVERLAY_SPILL || !overlaid_alike(&c->of, of))
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

/* The overlay that has this page, made if there is none; 0, and -errno in *why, if that fails. */
static unsigned overlay_for(const struct fault_page *p, unsigned keep, const char *program,
                            long *why)
{
    uint64_t start = p->map.offset, map_end = start + (p->map.end - p->map.start), end = map_end;
    if (p->size_known && page_up(p->size) > end)
        end = page_up(p->size);
    const struct overlaid_file of = { p->of.dev, p->of.ino, keep ? keeps_dev(keep) : p->of.st_dev };
    unsigned n = clip_to_gap(&of, p, &start, &end);
    if (n)
        return n;
    long added = overlays_add(OVERLAY_SPILL),
         file = added < 0 ? added : spillfile_own(page_size, program);
    *why = file;
    if (added < 0)
        return 0;
    n = (unsigned)added;
    if (file < 0) {
        overlays_remove(n);
        return 0;
    }
    struct overlay *c = &overlays[n];
    c->of = of;
    if (keep && model_take()) {
        c->keep = keep;
        holds_add(keep);
        model_drop();
    }
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
    const struct spill_range range = {
        p->of.dev, p->of.ino, c->start, c->len, p->error, p->path_len
    };
    *why = fd < 0 ? fd : spillfile_add(c->file, (int)fd, &range, p->path, &c->data_at, &c->sums_at);
    if (fd >= 0)
        sys_close((int)fd);
    if (*why >= 0) {
        overlays_count(1);
        return n;
    }
    drop_overlay(n);
    return 0;
}

/* r ends, or starts, at the border, and an overlay lies over it. */
static bool is_overlaid(const struct region *r, uintptr_t border, bool ends)
{
    return r && (r->kind & REGION_OVERLAID) && (ends ? r->end : r->start) == border;
}

/* Chooses the run around the page: [*low, *high) of the file. *dense: it continues another run.
 * Model lock held. */
static long choose_run(const struct overlay *c, const struct fault_page *p, size_t size,
                       uint64_t *low, uint64_t *high, bool *dense)
{
    struct region *r = regions_from(p->page);
    uintptr_t first = p->page, last = p->page + page_size;
    if (!r || r->start > p->page) {
        r = regions_add(first, last, NULL, REGION_SHARED | REGION_FOREIGN | (uint32_t)p->map.prot);
        if (!r)
            return -ENOMEM;
    }
    if (r->kind & REGION_OVERLAID)
        return -EBUSY;
    if ((r->kind & REGION_CHANGING) && !changes_mine(r->start, r->end))
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
    /* A rest between two runs would be a VMA, so the run includes it. */
    if (*low < least + size / 2)
        *low = least;
    if (*high + size / 2 > most)
        *high = most;
    if (size == page_size) {
        *low = p->at;
        *high = p->at + page_size;
    }
    *dense = (*low == least && is_overlaid(r->before, r->start, true)) ||
             (*high == most && is_overlaid(r->after, r->end, false));
    return 0;
}

/*
 * Finds the next part of a VMA of the file, from *at on, that is the program's by the model; false
 * at the end. A retained part is not the program's, and neither is a master. *error is -EAGAIN if a
 * part is not known, because a call may be about to enter it, or if a call is changing it.
 */
static bool next_part(const struct overlay *c, const struct place *map, uintptr_t *at,
                      struct place *part, long *error)
{
    while (*at < map->end) {
        uintptr_t start = *at;
        struct region *r = regions_from(start);
        bool known = r && r->start <= start;
        uintptr_t end = known ? r->end : start + page_size;
        *at = end < map->end ? end : map->end;
        if (known ? r->kind & REGION_RETAINED
                  : masters_has((dev_t)c->of.st_dev, (ino_t)c->of.ino, start))
            continue;
        *part = (struct place){ start, *at, map->offset + (start - map->start), map->prot };
        if (!known || ((r->kind & REGION_CHANGING) && !changes_mine(r->start, r->end)))
            *error = -EAGAIN;
        return *error == 0;
    }
    return false;
}

/* Makes places of all that the VMAs in ranges show of the file, and claims them. Returns how many,
 * or -errno. Model lock held. */
static long claim(unsigned count, unsigned overlay)
{
    struct place part;
    long kept = 0, error = 0;
    for (unsigned i = 0; i < count && !error; i++)
        for (uintptr_t at = ranges[i].start;
             next_part(&overlays[overlay], &ranges[i], &at, &part, &error);) {
            if (kept == PLACES_MAX) {
                error = -E2BIG;
                break;
            }
            places[kept++] = part;
        }
    for (long i = 0; i < kept && !error; i++) {
        overlays_claim(places[i].start, places[i].end);
        regions_set_overlay(places[i].start, places[i].end, overlay);
    }
    return error ? error : kept;
}

static void release(void)
{
    if (model_take()) {
        overlays_release();
        model_drop();
    }
}

/* The place shows the file again. */
static void forget_overlay(const struct place *place)
{
    if (!model_take())
        return;
    regions_set_overlay(place->start, place->end, 0);
    struct region *r = regions_from(place->start);
    if (r)
        merge_settle(&r);
    model_drop();
}

/* The places show the file, as before the claim. */
static void give_up(long count)
{
    for (long i = 0; i < count; i++)
        forget_overlay(&places[i]);
    release();
}

static bool is_refused(uintptr_t page)
{
    return sys_madvise(page, page_size, POPULATE_WRITE) == -EFAULT;
}

/* Narrows the run to the pages around p that the kernel refuses as well: a page that the file can
 * have is never switched. */
static void keep_refused(const struct fault_page *p, uint64_t *low, uint64_t *high)
{
    uintptr_t base = p->page - p->at; /* where the file would begin, by this VMA */
    uint64_t from = p->at, to = p->at + page_size;
    while (from > *low && is_refused(base + from - page_size))
        from -= page_size;
    while (to < *high && is_refused(base + to))
        to += page_size;
    *low = from;
    *high = to;
}

/*
 * Near the limit on VMAs the kernel may have one for the first step of a switch, and none for the
 * last: mremap refuses a fixed address while fewer than 6 are free (mm/mremap.c). hold_vmas takes
 * some until the places are blocked, and is false at the limit: there are none. They are of a file
 * of their own, so that the kernel merges none of them with a VMA of the program. Away from the
 * limit the kernel may refuse them for another reason, as a limit on the address space; then the
 * switch goes on without.
 */
enum { HELD_VMAS = 9 };

static bool hold_vmas(uintptr_t *held)
{
    const size_t len = HELD_VMAS * page_size;
    long at = sys_mmap(0, len, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *held = sys_failed(at) ? 0 : (uintptr_t)at;
    bool good = *held;
    for (unsigned i = 1; good && i < HELD_VMAS; i += 2)
        good = sys_mprotect(*held + i * page_size, page_size, PROT_READ) == 0;
    return good || !canary_at_limit();
}

static void free_vmas(uintptr_t held)
{
    if (held)
        sys_munmap(held, HELD_VMAS * page_size);
}

/* Tries again while other threads use up the VMAs that were free. */
static long show_spilled_places(unsigned count, const struct overlay *c, int fd)
{
    long answer;
    for (unsigned passes = 1;
         (answer = spilled_show(places, count, c, fd)) == -ENOMEM && passes < PASSES; passes++)
        sys_nap(1);
    return answer;
}

static void show_file(unsigned count, const struct overlay *c)
{
    for (unsigned passes = 1; !spilled_show_file(places, count, c) && passes < PASSES; passes++)
        sys_nap(1);
}

/* The run around the page, of that size at most, of which the kernel refuses every page. */
static long find_run(const struct overlay *c, const struct fault_page *p, size_t size,
                     uint64_t *low, uint64_t *high, bool *dense)
{
    if (!model_take())
        return -EDEADLK;
    long answer = choose_run(c, p, size, low, high, dense);
    model_drop();
    if (answer < 0)
        return answer;
    uint64_t first = *low, last = *high;
    keep_refused(p, low, high);
    *dense = *dense && (*low == first || *high == last);
    return 0;
}

/* Lists and claims the places where the run is to be seen. Returns how many there are. */
static long claim_run(unsigned n, const struct fault_page *p, size_t size, uint64_t low,
                      uint64_t high)
{
    const struct overlay *c = &overlays[n];
    ranges[0] =
        (struct place){ p->page - (p->at - low), p->page + (high - p->at), low, p->map.prot };
    long count = overlays_places(&c->of, low, high, p->page, ranges + 1, PLACES_MAX - 1);
    if (count < 0 || count == PLACES_MAX - 1)
        return count < 0 ? count : -E2BIG;
    if (!model_take())
        return -EDEADLK;
    uint64_t low_now, high_now; /* the region may have changed meanwhile */
    bool dense_now;
    long answer = choose_run(c, p, size, &low_now, &high_now, &dense_now);
    if (answer == 0 && (low_now > low || high_now < high))
        answer = -EAGAIN;
    count = answer == 0 ? claim((unsigned)count + 1, n) : answer;
    model_drop();
    for (long i = 0; i < count && answer == 0; i++)
        answer = overlays_still(&places[i], &c->of);
    if (count > 0 && answer < 0)
        give_up(count);
    return answer < 0 ? answer : count;
}

/* [low, high) may have pages in the spill file. */
static void widen(struct overlay *c, uint64_t low, uint64_t high)
{
    bool none = c->low == c->high;
    c->low = none || low < c->low ? low : c->low;
    c->high = none || high > c->high ? high : c->high;
}

/* Copies the pages and shows them at the places, which are blocked. Returns 0 or -errno. */
static long fill_places(struct overlay *c, int fd, uint64_t low, uint64_t high, unsigned count)
{
    static struct spilled_news news;
    long copied = spilled_copy_in(c, fd, low, high, &news);
    long answer = copied < 0 ? copied : show_spilled_places(count, c, fd);
    uint64_t stay = copied < 0 ? 0 : (uint64_t)copied;
    /* Where some places were shown, the program may have stored there. */
    if (answer < 0 && (copied < 0 || spilled_block(places, count, c, fd)))
        stay = spilled_take_back(c, fd, &news);
    set_waiting(c, c->waiting + stay);
    STATUS_ADD(spilled, stay / page_size);
    if (stay || answer == 0)
        widen(c, low, high);
    return answer;
}

/* Switches the claimed places. Returns 0, or -errno: then they show the file. */
static long switch_places(struct overlay *c, int fd, uint64_t low, uint64_t high, unsigned count)
{
    uintptr_t held;
    bool room = hold_vmas(&held), blocked = room && spilled_block(places, count, c, fd);
    free_vmas(held);
    moves++;
    long answer = blocked ? fill_places(c, fd, low, high, count) : -ENOMEM;
    if (room && answer < 0)
        show_file(count, c);
    return answer;
}

/* Switches a run around the page, of that size at most, to the spill file. */
static long overlay_run(unsigned n, const struct fault_page *p, size_t size, bool *dense)
{
    struct overlay *c = &overlays[n];
    uint64_t low, high;
    places = overlay_lists->places;
    ranges = overlay_lists->ranges;
    long answer = find_run(c, p, size, &low, &high, dense);
    if (answer < 0)
        return answer;
    long fd = spillfile_open(c->file);
    if (fd < 0)
        return fd;
    bool shared, locked = try_lock_shared(c, (int)fd, &shared);
    answer = locked ? spillfile_reserve((int)fd, c->data_at, c->sums_at, low - c->start, high - low)
                    : -EAGAIN;
    const bool reserved = answer >= 0;
    const uint64_t before = c->waiting;
    long count = reserved ? claim_run(n, p, size, low, high) : answer;
    answer = count < 0 ? count : switch_places(c, (int)fd, low, high, (unsigned)count);
    if (reserved && answer < 0)
        spilled_give_up(c, (int)fd, low, high);
    if (reserved) /* what was there before counts already */
        spillfile_unreserve(high - low - (c->waiting - before));
    unlock_shared(shared, (int)fd);
    sys_close((int)fd); /* what waits for the places may close all descriptors */
    if (answer == 0) {
        release();
        overlays_count(2 * count);
        c->pieces++;
    } else if (count >= 0) {
        give_up(count);
    }
    return answer;
}

/* The size of the next run. Stores that follow each other get longer and longer runs. Scattered
 * stores get a short run each, until these are many: then runs grow up to a sixteenth of the
 * file. */
static size_t next_run(const struct overlay *c, bool dense)
{
    size_t most = LONG_RUN;
    while (c->pieces >= MANY_PIECES && most < c->len / 16)
        most *= 2;
    return (dense || c->pieces >= MANY_PIECES) && c->run < most ? c->run * 2 : c->run;
}

/* keep is 0 if the user says that no other process uses the file. */
static long store(const struct fault_page *p, unsigned keep, const char *program)
{
    long answer = 0;
    unsigned n = overlay_for(p, keep, program, &answer);
    if (!n)
        return answer;
    struct overlay *c = &overlays[n];
    c->error = p->error;
    size_t size = c->run;
    bool dense = false;
    for (;;) {
        answer = overlay_run(n, p, size, &dense);
        if (answer == 0 || answer == -EAGAIN || size == page_size)
            break;
        size = size > FIRST_RUN ? FIRST_RUN : page_size;
    }
    if (answer == 0) {
        c->run = next_run(c, dense);
    } else if (answer != -EAGAIN && c->low == c->high) {
        spillfile_take_back(c->file, c->data_at);
        drop_overlay(n);
    }
    return answer;
}

long spill_store(const struct fault_page *p, const char *program, bool alone)
{
    LOCK_ASSERT(&overlay_lock);
    if (!p->shared)
        return -EINVAL;
    if (alone)
        return store(p, 0, program);
    unsigned keep = keep_of(p);
    bool taken;
    long answer = prove(keep, p, &taken);
    if (answer == 0)
        answer = store(p, keep, program);
    if (taken && answer != 0 && !has_overlay(keep))
        keeps_give_back(keep);
    keeps_let_go(keep);
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

/*
 * Makes places of those parts of the first claimed ranges that map the spill file. The kernel is
 * asked for their offsets and protection, because calls that no hook sees change both. A part that
 * does not map the spill file was changed by such a call and is forgotten. Returns how many;
 * -E2BIG; or -errno where the kernel cannot be asked, for want of a descriptor.
 */
static long locate(const struct overlay *c, long claimed)
{
    struct procmap m;
    long count = 0;
    for (long i = 0; i < claimed; i++) {
        for (uintptr_t at = ranges[i].start, to; at < ranges[i].end; at = to) {
            long answer = procmaps_at(PROCMAPS_SELF, at, &m, list, sizeof list);
            bool mapped = answer == 0;
            if (!mapped && answer != -ENOENT)
                return answer;
            to = !mapped ? at + page_size : m.end < ranges[i].end ? m.end : ranges[i].end;
            uint64_t shown = mapped ? m.offset + (at - m.start) : 0;
            struct place place = { at, to, shown - c->data_at + c->start,
                                   (m.read ? PROT_READ : 0) | (m.write ? PROT_WRITE : 0) |
                                       (m.exec ? PROT_EXEC : 0) };
            if (!mapped || !m.shared || m.inode != spillfile_ino(c->file) || shown < c->data_at ||
                shown >= c->data_at + c->len)
                overlays_forget(&place);
            else if (count == PLACES_MAX)
                return -E2BIG;
            else
                places[count++] = place;
        }
    }
    return count;
}

struct span {
    uint64_t low, high; /* of a file */
};

/* *part is what the place shows of the span. False: nothing. */
static bool cut(const struct place *place, struct span s, struct place *part)
{
    uint64_t end = place->offset + (place->end - place->start);
    uint64_t low = place->offset > s.low ? place->offset : s.low,
             high = end < s.high ? end : s.high;
    *part = (struct place){ place->start + (low - place->offset),
                            place->start + (high - place->offset), low, place->prot };
    return low < high;
}

/*
 * Maps the file at the places of the span, or what they showed where the kernel has no VMA for
 * that. Then the spill file's pages are removed: if the file lacks space there once more, they are
 * copied anew. They stay while another process of the family maps them.
 */
static int put_back(struct overlay *c, int fd, long count, struct span s)
{
    struct place part;
    int error = 0;
    for (long i = 0; i < count; i++) {
        if (!cut(&places[i], s, &part))
            continue;
        if (overlays_put_back(c, &part) == 0) {
            forget_overlay(&part);
        } else {
            spilled_show(&part, 1, c, fd);
            error = ENOMEM;
        }
    }
    if (!error && !others_map(c)) {
        uint64_t back = spilled_clear(c, fd, s.low, s.high);
        set_waiting(c, back < c->waiting ? c->waiting - back : 0);
    }
    return error;
}

/* Maps the spill file's pages at the places of the span again. */
static void show_again(const struct overlay *c, int fd, long count, struct span s)
{
    struct place part;
    for (long i = 0; i < count; i++)
        if (cut(&places[i], s, &part))
            spilled_show(&part, 1, c, fd);
}

/* Claims all ranges of the overlay, after waiting for calls that are changing them. */
static long claim_overlaid(unsigned n)
{
    long count;
    for (unsigned passes = 1; (count = overlays_claim_all(n, ranges)) == -EAGAIN && passes < PASSES;
         passes++)
        sys_nap(1);
    return count;
}

/*
 * There is space: writes back what was stored to the span of the file, mapped or not, and then maps
 * the file there again in all places, or in none, so that a store through one mapping is seen
 * through all. If pages of the file were written since past the mapping, these and all between them
 * stay in the spill file: ESTALE. All pages stay if *stays is set, which the function does if the
 * kernel has too few VMAs left.
 */
static int lift_span(unsigned n, int fd, struct span s, bool *stays)
{
    struct overlay *c = &overlays[n];
    struct span all = { c->start, c->start + c->len }, left = s;
    long claimed = claim_overlaid(n), count = claimed < 0 ? claimed : locate(c, claimed);
    int error = 0;
    if (count < 0) {
        release();
        return c->error; /* next time */
    }
    uintptr_t held;
    if (!hold_vmas(&held))
        *stays = true;
    if (!spilled_block(places, (unsigned)count, c, fd))
        error = ENOMEM;
    free_vmas(held);
    moves++;
    if (!error)
        error = spilled_write_back(c, fd, s.low, s.high, may_go_on);
    if (error == ESTALE && !*stays) {
        overlays_count(2 * count); /* each place may become three VMAs */
        spilled_left(c, fd, &left.low, &left.high);
    } else if (!error && !*stays) {
        left.low = left.high; /* nothing */
    }
    if (*stays) { /* each place as one: that takes no VMA more */
        show_again(c, fd, count, all);
    } else {
        show_again(c, fd, count, left);
        show_again(c, fd, count, (struct span){ all.low, s.low });
        show_again(c, fd, count, (struct span){ s.high, all.high });
    }
    int refused = put_back(c, fd, count, (struct span){ s.low, left.low });
    if (!refused)
        refused = put_back(c, fd, count, (struct span){ left.high, s.high });
    else
        show_again(c, fd, count, (struct span){ left.high, s.high });
    release();
    return error ? error : refused;
}

/* Logs it, because msync fails with the error for lack of space. */
static void say_lost_spillfile(const struct overlay *c, long error)
{
    static bool said;
    if (!said)
        log_line(EVENT_spill_lost,
                 "%s, which holds what was spilled, cannot be opened any more (error %ld): nothing "
                 "of it can go back",
                 spillfile_path(c->file), -error);
    said = true;
}

/* The name of the file, for the log. Overlay lock held; static storage. */
static const char *file_name(const struct overlay *c)
{
    static char name[300];
    struct procmap m;
    size_t len = 0;
    if (c->alias && procmaps_at(PROCMAPS_SELF, c->alias, &m, list, sizeof list) == 0) {
        len = m.path_len < sizeof name ? m.path_len : sizeof name - 1;
        memcpy(name, m.path, len);
    }
    name[len] = '\0';
    return len ? name : "a file";
}

/* Another process has opened the file, or its open is delayed. */
static void tell_of_others(struct overlay *c, enum lease_state state)
{
    if (state == LEASE_ASKED && !c->told_asked)
        log_line(
            EVENT_spill_awaited,
            "%s is being opened while pages of it are spilled and there is no space to "
            "write them: the kernel holds that open up, until there is, or for fs.lease-break-time at most",
            file_name(c));
    if (state == LEASE_LOST && !c->told_lost)
        log_line(EVENT_spill_unseen,
                 "%s was opened by others without what is spilled of it: that stays in %s until "
                 "nobody else has the file open, or for mapherd recover",
                 file_name(c), spillfile_path(c->file));
    c->told_asked |= state == LEASE_ASKED;
    c->told_lost |= state == LEASE_LOST;
}

static void tell_of_conflict(struct overlay *c)
{
    if (!c->told_conflict)
        log_line(
            EVENT_spill_conflict,
            "%s was written, past its map, since pages of it were spilled: those pages are not written "
            "over that; they stay in %s, and msync of them fails; what they would change says: mapherd recover --dry-run",
            file_name(c), spillfile_path(c->file));
    c->told_conflict = true;
}

/*
 * A process that maps the file again no longer sees what another one stores to the pages that both
 * map. So the file gets what was stored, and the pages stay until that process has ended, or until
 * another process opens the file.
 */
static bool stays_shared(const struct overlay *c)
{
    return (!c->keep || keeps_state(c->keep, break_signal()) != LEASE_ASKED) && others_map(c);
}

/* drop_overlay, and the lease goes with the last overlay of its file. */
static bool drop_returned(unsigned n)
{
    unsigned keep = overlays[n].keep;
    if (keep && model_take()) {
        holds_add(keep);
        model_drop();
    }
    bool last = drop_overlay(n);
    if (keep && !has_overlay(keep))
        keeps_give_back(keep);
    keeps_let_go(keep);
    return last;
}

/* Writes back what the overlay has. 0: the file has everything. ESTALE: the rest stays in the spill
 * file, because the file was written since. Else the error why it could not be done. */
static int return_overlay(unsigned n)
{
    struct overlay *c = &overlays[n];
    if (model_mine())
        return c->error;
    long fd = spillfile_open(c->file);
    if (fd < 0) {
        say_lost_spillfile(c, fd);
        return c->error;
    }
    bool shared = lock_shared(c, (int)fd);
    int error = may_write(c) && spilled_has_room(c, (int)fd, c->low, c->high) ? 0 : c->error;
    bool stays = !error && stays_shared(c);
    if (!error)
        error = lift_span(n, (int)fd, (struct span){ c->low, c->high }, &stays);
    if (!error && stays && sys_msync(c->alias, c->len, MS_SYNC) < 0)
        error = EIO;
    unlock_shared(shared, (int)fd);
    sys_close((int)fd);
    if (!error && !stays && drop_returned(n))
        log_line(EVENT_spill_returned, "everything that was spilled has gone back to its files");
    else if (error == ESTALE)
        tell_of_conflict(c);
    else if (error && c->keep)
        tell_of_others(c, keeps_state(c->keep, break_signal()));
    return error;
}

/* Sets wanted for the overlays that lie in the range. False: there are none. */
static bool find_overlays(uintptr_t start, uintptr_t end, bool wanted[OVERLAYS_MAX + 1])
{
    bool any = false;
    if (!model_take())
        return false;
    for (struct region *r = regions_from(start); r && r->start < end; r = r->after)
        if ((r->kind & REGION_OVERLAID) && overlays[r->overlay].kind == OVERLAY_SPILL)
            any = wanted[r->overlay] = true;
    model_drop();
    return any;
}

int spill_return(uintptr_t start, uintptr_t end)
{
    bool wanted[OVERLAYS_MAX + 1] = { false }, stale = false;
    int error = 0;
    if (!overlays_any() || !find_overlays(start, end, wanted) || !overlays_take())
        return 0;
    if (find_overlays(start, end, wanted)) {
        unsigned unused = overlays_unused(OVERLAY_SPILL);
        for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
            int e = wanted[n] ? return_overlay(n) : 0;
            stale |= e == ESTALE;
            error = error || e == ESTALE ? error : e;
        }
        if (unused && !error && overlays[unused].kind == OVERLAY_SPILL)
            return_overlay(unused);
        /* What could not be written is in the range. */
        if (stale && !error && overlays_over(start, end))
            error = EIO;
    }
    overlays_drop();
    return error;
}

void spill_settle(void)
{
    static uint64_t next_ms;
    uint64_t now = overlays_any() ? sys_now_ms() : 0;
    if (!now || now < __atomic_load_n(&next_ms, __ATOMIC_RELAXED) || !overlays_take())
        return;
    __atomic_store_n(&next_ms, now + SETTLE_MS, __ATOMIC_RELAXED);
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++)
        if (overlays[n].kind == OVERLAY_SPILL)
            return_overlay(n);
    overlays_drop();
}

void spill_end(void)
{
    unsigned without_space = 0, changed = 0;
    if (!overlays_any() || !overlays_take())
        return;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        unsigned file = overlays[n].file;
        int error = overlays[n].kind == OVERLAY_SPILL ? return_overlay(n) : 0;
        if (error && error != ESTALE && others_map(&overlays[n])) {
            log_line(
                EVENT_spill_left_to_child,
                "there is still no space for what was spilled: a forked process that has the file "
                "mapped may write it back; if none does, it stays in %s, for mapherd recover",
                spillfile_path(file));
            set_waiting(&overlays[n], 0); /* that process tells it */
            continue;
        }
        if (error == ESTALE && !changed++)
            log_line(
                EVENT_spill_left_conflict,
                "a file was written by others since pages of it were spilled: they stay in %s; "
                "what it would change says: mapherd recover --dry-run %s",
                spillfile_path(file), spillfile_path(file));
        else if (error && error != ESTALE && !without_space++)
            log_line(EVENT_spill_left,
                     "there is still no space for what was spilled: it stays in %s; when there is, "
                     "run: mapherd recover %s",
                     spillfile_path(file), spillfile_path(file));
    }
    overlays_drop();
}

static bool leave(bool left)
{
    if (!overlays_any() || !overlays_take())
        return false;
    spillfile_leave(left);
    overlays_drop();
    return true;
}

bool spill_leave(void)
{
    spill_end();
    return leave(true);
}

void spill_stay(void)
{
    leave(false);
}

/* ---- mappings that are made and moved ---- */

/* An overlay has pages of this file, or had a moment ago. dev 0: not known. */
static bool may_have(dev_t dev, ino_t ino)
{
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++)
        if (overlays[n].kind == OVERLAY_SPILL && overlays[n].of.ino == ino &&
            (overlays[n].of.st_dev == dev || !overlays[n].of.st_dev || !dev))
            return true;
    return false;
}

/* Shows at the place what is spilled of the file; dev is 0 if only the list of VMAs shows it. */
static void show_spilled(struct place place, dev_t dev, ino_t ino)
{
    uint64_t end = place.offset + (place.end - place.start);
    /* The first overlay makes several VMAs of the place, so the kernel is asked once. */
    const struct overlay *first = NULL;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        const struct overlay *c = &overlays[n];
        if (c->kind != OVERLAY_SPILL || c->of.ino != ino ||
            (c->of.st_dev && dev && c->of.st_dev != dev))
            continue;
        if (first ? !overlaid_alike(&c->of, &first->of) : overlays_still(&place, &c->of) != 0)
            continue;
        first = c;
        uint64_t low = c->low > place.offset ? c->low : place.offset,
                 high = c->high < end ? c->high : end;
        long fd = low < high ? spillfile_open(c->file) : -ENOENT;
        if (fd < 0)
            continue;
        const struct place part = { place.start + (low - place.offset),
                                    place.start + (high - place.offset), low, place.prot };
        bool shared;
        try_lock_shared(c, (int)fd, &shared);
        spilled_show_present(n, (int)fd, &part);
        unlock_shared(shared, (int)fd);
        sys_close((int)fd);
    }
}

/* A store of this process may be spilled, as the options say. */
static bool may_spill;

void spill_start(void)
{
    may_spill = options.mode != MODE_OBSERVE && !words_equal(options.sigbus, words_text("off")) &&
                !words_equal(options.sigbus, words_text("report"));
}

void spill_mapped(uintptr_t start, uintptr_t end, struct map_request *q)
{
    if (!may_spill || (q->flags & MAP_TYPE) == MAP_PRIVATE)
        return;
    unsigned keep = keeps_of(q);
    if (keep && model_take()) {
        regions_set_keep(start, end, keep);
        holds_drop(keep);
        model_drop();
    }
    const struct stat *st = overlays_any() ? request_file(q) : NULL;
    if (!st || !may_have(st->st_dev, st->st_ino) || !overlays_take())
        return;
    show_spilled(
        (struct place){ start, end, q->offset, q->prot & (PROT_READ | PROT_WRITE | PROT_EXEC) },
        st->st_dev, st->st_ino);
    overlays_drop();
}

void spill_moved(uintptr_t start, uintptr_t end)
{
    struct procmap m;
    if (!overlays_any() || !overlays_take())
        return;
    if (procmaps_at(PROCMAPS_SELF, start, &m, list, sizeof list) == 0 && m.shared &&
        may_have(0, m.inode))
        show_spilled((struct place){ start, end < m.end ? end : m.end, m.offset + (start - m.start),
                                     (m.read ? PROT_READ : 0) | (m.write ? PROT_WRITE : 0) |
                                         (m.exec ? PROT_EXEC : 0) },
                     0, m.inode);
    overlays_drop();
}

/* ---- another process opens the file ---- */

enum { RETRY_MS = 100 };
static int timer;
static bool timer_made;

/* Tries again in a moment, while an open is delayed. The caller holds the overlay lock, or has
 * interrupted a thread in the library. */
static void try_later(void)
{
    if (!timer_made)
        timer_made = sys_timer_create(SIGURG, &timer) == 0;
    if (timer_made)
        sys_timer_set(timer, RETRY_MS);
}

static void return_what_is_asked_for(void *unused)
{
    bool waited_for = false;
    (void)unused;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        struct overlay *c = &overlays[n];
        bool leased = c->kind == OVERLAY_SPILL && c->keep;
        enum lease_state state = leased ? keeps_state(c->keep, SIGURG) : LEASE_NONE;
        if (state == LEASE_ASKED)
            return_overlay(n);
        waited_for |= state == LEASE_UNKNOWN || (state == LEASE_ASKED && c->kind == OVERLAY_SPILL);
    }
    if (waited_for)
        try_later();
}

static void on_break(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    if (!overlays_any())
        return;
    if (model_mine() || !overlays_take()) { /* the signal has interrupted the library */
        try_later();
        return;
    }
    aside_call(return_what_is_asked_for, NULL, &((const ucontext_t *)context)->uc_stack);
    overlays_drop();
}

/* The ranges that stay spilled for good, because the library makes no calls any more. If there are
 * more than ABANDONED_MAX, the last one reaches to the end of all. */
enum { ABANDONED_MAX = 64 };
static struct {
    uintptr_t start, end;
    int error;
} abandoned[ABANDONED_MAX];
static unsigned abandoned_count;

static void note_abandoned(void)
{
    unsigned n = 0;
    if (!model_take())
        return;
    for (struct region *r = regions_from(0); r; r = r->after) {
        if (!(r->kind & REGION_OVERLAID) || overlays[r->overlay].kind != OVERLAY_SPILL)
            continue;
        int error = overlays[r->overlay].error;
        if (n && (n == ABANDONED_MAX ||
                  (abandoned[n - 1].end == r->start && abandoned[n - 1].error == error))) {
            abandoned[n - 1].end = r->end;
            continue;
        }
        abandoned[n].start = r->start;
        abandoned[n].end = r->end;
        abandoned[n++].error = error;
    }
    __atomic_store_n(&abandoned_count, n, __ATOMIC_RELEASE);
    model_drop();
}

int spill_abandoned(uintptr_t start, uintptr_t end)
{
    unsigned count = __atomic_load_n(&abandoned_count, __ATOMIC_ACQUIRE);
    for (unsigned n = 0; n < count; n++)
        if (abandoned[n].start < end && start < abandoned[n].end)
            return abandoned[n].error;
    return 0;
}

/* Where a part is left on both sides, only the larger one stays in the list. */
void spill_forget_abandoned(uintptr_t start, uintptr_t end)
{
    unsigned count = __atomic_load_n(&abandoned_count, __ATOMIC_ACQUIRE);
    for (unsigned n = 0; n < count; n++) {
        uintptr_t from = abandoned[n].start, to = abandoned[n].end;
        if (from >= end || start >= to)
            continue;
        if (start <= from && end >= to)
            abandoned[n].start = abandoned[n].end = 0;
        else if (start > from && (end >= to || start - from >= to - end))
            abandoned[n].end = start;
        else
            abandoned[n].start = end;
    }
}

void spill_release_leases(void)
{
    struct sys_action now, none = { .handler = (uintptr_t)SIG_DFL };
    if (!overlays_any() || !overlays_take())
        return;
    note_abandoned();
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++)
        if (overlays[n].kind == OVERLAY_SPILL && overlays[n].keep && !others_map(&overlays[n]))
            keeps_give_back(overlays[n].keep);
    if (sys_sigaction(SIGURG, NULL, &now) == 0 && now.handler == (uintptr_t)on_break)
        sys_sigaction(SIGURG, &none, NULL);
    overlays_drop();
}

/* Maps the file again past its new end, because it may be made longer with other contents. */
static void cut_off(unsigned n, uint64_t size)
{
    const struct overlay *c = &overlays[n];
    uint64_t end = page_up(size);
    long fd = spillfile_open(c->file);
    if (fd < 0)
        return;
    bool stays = false, shared = lock_shared(c, (int)fd);
    spilled_trim(c, (int)fd, size);
    if (!model_mine() && !stays_shared(c) && end < c->high)
        lift_span(n, (int)fd, (struct span){ end > c->low ? end : c->low, c->high }, &stays);
    unlock_shared(shared, (int)fd);
    sys_close((int)fd);
}

static bool is_of(const struct overlay *c, const struct stat *st)
{
    return c->kind == OVERLAY_SPILL && c->of.ino == st->st_ino &&
           (c->of.st_dev ? c->of.st_dev : c->of.dev) == st->st_dev;
}

/* The overlay's file ends at size now. Where only a name that is gone would tell its subvolume
 * (st_dev), the kernel is asked for a page past that. */
static bool ends_at(const struct overlay *c, const struct stat *st, uint64_t size)
{
    if (c->of.ino != st->st_ino || c->high <= size)
        return false;
    if (c->of.st_dev || c->of.dev == st->st_dev)
        return is_of(c, st);
    uint64_t past = page_up(size) > c->start ? page_up(size) : c->start;
    return past < c->high && !sys_readable(c->alias + (past - c->start)) &&
           !sys_readable(c->alias + c->len - page_size);
}

void spill_trim(const struct stat *st, uint64_t size)
{
    if (!overlays_any() || !overlays_take())
        return;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++)
        if (overlays[n].kind == OVERLAY_SPILL && ends_at(&overlays[n], st, size))
            cut_off(n, size);
    overlays_drop();
}

void spill_zero_begin(const struct stat *st, struct spill_zeroed *z)
{
    z->clean[0] = z->clean[1] = false;
    z->moves = 0;
    if (!overlays_any() || !overlays_take())
        return;
    z->moves = moves;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        long fd = is_of(&overlays[n], st) ? spillfile_open(overlays[n].file) : -ENOENT;
        if (fd < 0)
            continue;
        bool shared = lock_shared(&overlays[n], (int)fd);
        spilled_borders(&overlays[n], (int)fd, z->from, z->to, z->clean);
        unlock_shared(shared, (int)fd);
        sys_close((int)fd);
    }
    overlays_drop();
}

long spill_zero_end(const struct stat *st, const struct spill_zeroed *z)
{
    int error = 0;
    if (!z->moves || !overlays_take())
        return 0;
    if (moves != z->moves) {
        overlays_drop();
        return -EAGAIN;
    }
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        long fd = is_of(&overlays[n], st) ? spillfile_open(overlays[n].file) : -ENOENT;
        if (fd < 0)
            continue;
        bool shared = lock_shared(&overlays[n], (int)fd);
        int failed = spilled_zero(&overlays[n], (int)fd, z->from, z->to, z->clean);
        unlock_shared(shared, (int)fd);
        sys_close((int)fd);
        error = error ? error : failed;
    }
    overlays_drop();
    return -error;
}

int spill_return_file(const struct stat *st)
{
    int error = 0;
    if (!overlays_any() || !overlays_take())
        return 0;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++) {
        int e = is_of(&overlays[n], st) ? return_overlay(n) : 0;
        if (!e && is_of(&overlays[n], st)) /* a process of the family maps it, see stays_shared */
            e = EBUSY;
        error = error ? error : e == ESTALE ? EIO : e;
    }
    overlays_drop();
    return error;
}

void spill_forked(bool child)
{
    bool in_use = false;
    for (unsigned n = 1; n <= OVERLAYS_MAX; n++)
        in_use |= overlays[n].kind == OVERLAY_SPILL;
    spillfile_forked(child, in_use);
    timer_made &= !child; /* timers are not inherited */
}
