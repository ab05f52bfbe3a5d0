/*
 * cold: see cold.h.
 *
 * Mappings that may become cold are ranges of a tree, in the order of addresses. A queue has them
 * in the order in which they were made warm: the first one becomes cold next, unless it is in use,
 * or was needed again soon after the last time. Mappings beside it that are as old go with it, in
 * one call.
 *
 * The page tables tell whether a mapping is in use. In the middle of the queue its pages are taken
 * out of them (MADV_DONTNEED; the pages stay in the page cache). At its turn those are there again
 * that were accessed meanwhile.
 *
 * What is cold saves VMAs: each mapping is one for the count (space/count.h), and what lies side by
 * side is one VMA of the placeholder. count_spare has the difference.
 */
#define _GNU_SOURCE
#include "limit/cold.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "common/due.h"
#include "common/fmt.h"
#include "common/pages.h"
#include "common/words.h"
#include "kernel/brief.h"
#include "kernel/keepers.h"
#include "kernel/lock.h"
#include "kernel/markers.h"
#include "kernel/mounts.h"
#include "kernel/pool.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/model.h"
#include "space/pressure.h"
#include "space/regions.h"
#include "space/tree.h"
#include "space/zone.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

/* The memory of this file and of the keepers is mapped in one range of addresses. */
#define ROOM (1UL << 30)
#define ARENA_AT_FIRST (64UL << 10)
#define QUEUE_AT (512UL << 20)
#define QUEUE_AT_FIRST (64UL << 10)
#define QUEUE_MOST (256UL << 20)
#define KEEPERS_AT (ROOM - KEEPERS_ROOM)
#define BATCH 32 /* mappings that one call makes cold at most */
#define BATCH_BYTES (64UL << 20)
#define SPARED_MOST 7 /* rounds of the queue */
#define USES_MAX 1024
#define YOUNG 16 /* mappings that were made warm last, which a fault does not make cold */

enum word { WORD_AUTO, WORD_ON, WORD_OFF };

/* Bits of the kind of a range, besides those of the mapping's region. */
enum {
    COLD = REGION_OVERLAID,     /* the placeholder lies over it */
    CUT_COLD = REGION_CHANGING, /* it was cold when it was cut out of the tree */
    WATCHED = REGION_RETAINED   /* it had no page in the page tables some time ago */
};

/* The file of one mmap. */
struct held {
    unsigned file, pieces; /* keepers.h; the ranges of the tree that are of this mmap */
    uintptr_t base;        /* address less offset in the file */
    dev_t dev;             /* as the kernel's list of VMAs shows it; 0: that is not known (btrfs) */
    ino_t ino;
};

unsigned cold_tracked_count, cold_count;

static struct lock cold_lock = { .rank = LOCK_COLD };
static uintptr_t room;
static struct arena arena;
static struct pool range_pool = POOL_IN(struct region, &arena);
static struct pool held_pool = POOL_IN(struct held, &arena);

static void wait_for_turn(const struct region *r);
static void copied(const struct region *r);
static void dropped(const struct region *r);
static struct tree tracked = {
    .copied = copied, .dropped = dropped, .lock = &cold_lock, .pool = &range_pool
};

static enum { NEVER, READY, BEGUN, OVER } state; /* OVER: no mapping becomes cold any more */
static struct held placeholder;                  /* file is 0: there is none yet */
static uintptr_t handler;                        /* of SIGBUS: the library's */
static bool future_locked;                       /* mlockall(MCL_FUTURE) is in force */
static uint64_t warmings;                        /* how often a mapping was made warm */
static unsigned parts;                           /* VMAs of the placeholder */
static long why_not;                             /* what the kernel has refused first; or 0 */

/* The calls that are using a range. */
static struct {
    uintptr_t start, end;
    int thread;
} uses[USES_MAX];
static unsigned use_count;

/* ---- the lock ---- */

static bool take(uint64_t *mask)
{
    if (lock_mine(&cold_lock))
        return false;
    *mask = sys_block_signals();
    return lock_take(&cold_lock);
}

static void drop(uint64_t mask)
{
    lock_drop(&cold_lock);
    sys_sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* ---- the tree ---- */

static bool is_cold(const struct region *r)
{
    return r->kind & COLD;
}

static bool joins_below(const struct region *r)
{
    return r->before && r->before->end == r->start && is_cold(r->before);
}

static bool joins_above(const struct region *r)
{
    return r->after && r->after->start == r->end && is_cold(r->after);
}

/* r, which is in the tree, has become cold (1), or is about to be no longer (-1). */
static void count_one(const struct region *r, int one)
{
    int joined = joins_below(r) + joins_above(r);
    parts += (unsigned)(one * (1 - joined));
    __atomic_fetch_add(&cold_count, (unsigned)one, __ATOMIC_RELAXED);
    count_spare(one * joined); /* one mapping, less what the parts become more */
    STATUS_SET(cold, cold_count);
}

static void count_tracked(void)
{
    __atomic_store_n(&cold_tracked_count, (unsigned)tracked.total, __ATOMIC_RELAXED);
    STATUS_SET(warm, tracked.total - cold_count);
}

/* The upper part of a range that was split. */
static void copied(const struct region *r)
{
    r->held->pieces++;
    if (is_cold(r)) {
        __atomic_fetch_add(&cold_count, 1, __ATOMIC_RELAXED);
        count_spare(1);
    } else {
        wait_for_turn(r);
    }
}

static void dropped(const struct region *r)
{
    struct held *h = r->held;
    if (--h->pieces)
        return;
    keepers_drop(h->file);
    pool_give(&held_pool, h);
}

static uint64_t offset_of(const struct region *r)
{
    return r->start - r->held->base;
}

static struct region *find(uintptr_t addr)
{
    struct region *r = tree_floor(&tracked, addr);
    return r && r->end > addr ? r : NULL;
}

/* ---- the queue ---- */

struct waiting {
    uintptr_t start;
    uint64_t warmed; /* of the range then: if that has changed, the entry is no longer its own */
};
static struct {
    struct waiting *at;
    size_t first, count, room;
} queue;

static bool is_waiting(const struct waiting *w)
{
    struct region *r = find(w->start);
    return r && r->start == w->start && r->warmed == w->warmed && !is_cold(r);
}

/* Removes the entries of ranges that are gone, or are cold. */
static void queue_shrinks(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue.count; i++) {
        struct waiting w = queue.at[(queue.first + i) % queue.room];
        if (is_waiting(&w))
            queue.at[(queue.first + kept++) % queue.room] = w;
    }
    queue.count = kept;
}

static bool queue_grows(void)
{
    size_t before = queue.room, size = before * sizeof *queue.at;
    long at = before ? sys_mremap((uintptr_t)queue.at, size, 2 * size, 0, 0)
                     : sys_mmap(room + QUEUE_AT, QUEUE_AT_FIRST, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_failed(at))
        return false;
    queue.at = (struct waiting *)at;
    queue.room = before ? 2 * before : QUEUE_AT_FIRST / sizeof *queue.at;
    /* What had gone round goes on behind the former end. */
    for (size_t i = 0; i < queue.first; i++)
        queue.at[before + i] = queue.at[i];
    return true;
}

/* Where there is no memory, the range stays warm for good. */
static void wait_for_turn(const struct region *r)
{
    if (queue.count == queue.room) {
        queue_shrinks();
        if (queue.count >= queue.room / 2 && queue.room * sizeof *queue.at < QUEUE_MOST)
            queue_grows();
        if (queue.count == queue.room)
            return;
    }
    queue.at[(queue.first + queue.count++) % queue.room] = (struct waiting){ r->start, r->warmed };
}

/* The range that was made warm first; NULL: there is none. */
static struct region *next_in_turn(void)
{
    while (queue.count) {
        struct waiting w = queue.at[queue.first];
        queue.first = (queue.first + 1) % queue.room;
        queue.count--;
        if (is_waiting(&w))
            return find(w.start);
    }
    return NULL;
}

/* ---- the switch ---- */

/* What the kernel is to show in a range before the placeholder is mapped there. */
struct expected {
    uintptr_t start, end;
    uint64_t offset;
    uint32_t kind;
    const struct held *of;
};

struct switched {
    uintptr_t start, end;
    int prot, flags;
    uint64_t offset;
    unsigned count;
    struct expected expected[BATCH];
    uintptr_t wrong; /* the start of a range in which the kernel shows something else */
    unsigned used;   /* the ranges that were accessed since they are watched, one bit for each */
};
_Static_assert(BATCH <= 32, "used has a bit for each");

/* Of one batch at a time: the lock is held. Not on the stack, because a handler of the program may
 * have a few KiB. */
static struct switched batch;

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

/* Runs in a keeper. Takes the pages of each range out of the page tables. They stay in the page
 * cache, with what was stored to them; the next access enters them again. */
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

/*
 * Runs in a keeper. A function found by handle, or a raw system call, may have unmapped the range,
 * and something else may be there by now. So the kernel is asked what lies there before it is
 * replaced. Returns the answer of mmap, or -ESTALE.
 */
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
    return sys_mmap(s->start, s->end - s->start, s->prot, s->flags | MAP_FIXED, fd,
                    (off_t)s->offset);
}

struct warming {
    uintptr_t start, end;
    int prot, flags;
    uint64_t offset;
    bool odd; /* a part of the range is not as it was left */
};

/*
 * Runs in a keeper. Maps the file where the placeholder is. A call that no hook saw may have
 * unmapped or replaced a part of it, or changed its protection, which is then the one of the
 * mapping. Returns 0; -ESTALE if the placeholder is nowhere in the range; or the error of mmap.
 */
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

static void count_tracked(void);

/* The kernel has something else in the place of r: it is forgotten. */
static void lose(struct region *r)
{
    if (is_cold(r))
        count_one(r, -1);
    tree_remove(&tracked, r);
    count_tracked();
    STATUS_ADD(cold_lost, 1);
}

/* ---- warm ---- */

static bool excess(void);
static unsigned cool(unsigned most, uint64_t young);

static void note_warm(struct region *r)
{
    r->warmed = ++warmings;
    r->kind &= ~(uint32_t)WATCHED;
    wait_for_turn(r);
}

static void advise(const struct region *r)
{
    static const struct {
        uint32_t bit;
        int advice;
    } given[] = {
        { REGION_RANDOM, MADV_RANDOM },     { REGION_SEQUENTIAL, MADV_SEQUENTIAL },
        { REGION_DONTDUMP, MADV_DONTDUMP }, { REGION_HUGE, MADV_HUGEPAGE },
        { REGION_NOHUGE, MADV_NOHUGEPAGE },
    };
    for (unsigned i = 0; i < sizeof given / sizeof *given; i++)
        if (r->kind & given[i].bit)
            sys_madvise(r->start, r->end - r->start, given[i].advice);
}

/* A range that is needed again before half of the others were: it was made cold too early. */
static void spare(struct region *r)
{
    size_t warm = tracked.total - cold_count;
    bool soon = warmings - r->warmed < warm / 2;
    r->overlay = soon ? (r->overlay * 2 + 1 < SPARED_MOST ? r->overlay * 2 + 1 : SPARED_MOST) : 0;
    if (soon)
        STATUS_ADD(cold_early, 1);
}

static bool make_warm(struct region *r)
{
    enum { TRIES = 8 };
    struct warming w = {
        .start = r->start,
        .end = r->end,
        .prot = (int)(r->kind & REGION_PROT),
        .flags = (r->kind & REGION_SHARED ? MAP_SHARED : MAP_PRIVATE) |
                 (r->kind & REGION_NORESERVE ? MAP_NORESERVE : 0),
        .offset = offset_of(r),
    };
    long at = keepers_run(r->held->file, map_parts, &w);
    /* The program itself may have mapped up to the limit. */
    for (unsigned n = 0; at == -ENOMEM && n < TRIES && cool(BATCH, YOUNG); n++)
        at = keepers_run(r->held->file, map_parts, &w);
    if (at == -ESTALE || (at == 0 && w.odd)) {
        lose(r);
        return at == 0;
    }
    if (sys_failed(at)) {
        STATUS_ADD(cold_failed, 1);
        why_not = at;
        return false;
    }
    advise(r);
    count_one(r, -1);
    r->kind &= ~(uint32_t)COLD;
    spare(r);
    note_warm(r);
    STATUS_ADD(warmed, 1);
    count_tracked();
    return true;
}

static void warm_range(uintptr_t start, uintptr_t end)
{
    for (struct region *r = tree_from(&tracked, start), *next; r && r->start < end; r = next) {
        next = r->after;
        if (is_cold(r))
            make_warm(r);
    }
}

/* ---- the fault ---- */

/*
 * Whether a thread may try again although the mapping is warm: another thread may have made it so
 * since the fault. One that faults at the same address again, and the mapping was not cold
 * meanwhile, has a fault of another kind.
 */
static bool may_be_late(const struct region *r, uintptr_t addr)
{
    static struct {
        uintptr_t addr;
        uint64_t warmed;
        int thread;
    } late[64];
    unsigned n = (unsigned)lock_thread() % 64;
    if (late[n].thread == lock_thread() && late[n].addr == addr && late[n].warmed == r->warmed)
        return false;
    late[n].thread = lock_thread();
    late[n].addr = addr;
    late[n].warmed = r->warmed;
    return true;
}

bool cold_fault(uintptr_t addr)
{
    uint64_t mask;
    if (!cold_tracks() || !take(&mask))
        return false;
    struct region *r = find(addr);
    bool again = r && (is_cold(r) ? make_warm(r) : may_be_late(r, addr));
    /* One instruction may need several mappings at once. */
    if (again && excess())
        cool(BATCH, YOUNG);
    drop(mask);
    return again;
}

/* ---- which mappings ---- */

static enum word word_for(const char *path)
{
    return (enum word)rules_choose(options.cold, path, COLD_WORDS);
}

/* The word for the file of a descriptor. Its name is asked for only where a rule has a glob. */
static enum word word_of(int fd)
{
    char link[32], path[1024];
    if (!rules_ask_path(options.cold))
        return word_for(NULL);
    fmt(link, sizeof link, "/proc/self/fd/%d", fd);
    long len = sys_readlink(link, path, sizeof path - 1);
    if (len < 0)
        return WORD_OFF;
    path[len] = '\0';
    return word_for(path);
}

/* True if the file can be mapped again from the same open file at any time. Sets what the kernel's
 * list of VMAs shows for it. Not on overlayfs, where a VMA does not keep the open file: to hold it
 * would keep the flock of a program that has closed it. */
static bool is_local(const struct map_request *q, struct held *seen)
{
    long type = 0;
    if (sys_fstatfs_type(q->fd, &type) < 0)
        return false;
    *seen = (struct held){ .dev = q->st.st_dev, .ino = q->st.st_ino };
    switch ((unsigned long)type) {
    case BTRFS_SUPER_MAGIC: seen->dev = 0; return !sys_is_dax(q->fd);
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC: return !sys_is_dax(q->fd);
    /* A seal may forbid to map a memory file once more. Files of tmpfs cannot be sealed. */
    case TMPFS_MAGIC: return sys_fcntl(q->fd, F_GET_SEALS, 0) == F_SEAL_SEAL;
    }
    return false;
}

/* A range of this kind may be cold. */
static bool may_be(uint32_t kind)
{
    const uint32_t given_back = REGION_PROT | REGION_SHARED | REGION_NORESERVE | REGION_RANDOM |
                                REGION_SEQUENTIAL | REGION_DONTDUMP | REGION_HUGE | REGION_NOHUGE;
    return !(kind & ~(given_back | COLD | WATCHED)) && !(kind & PROT_EXEC) && (kind & PROT_READ) &&
           ((kind & REGION_SHARED) || !(kind & PROT_WRITE));
}

static uint32_t kind_of(const struct map_request *q)
{
    const int known = MAP_TYPE | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_FIXED_NOREPLACE |
                      MAP_DENYWRITE | MAP_EXECUTABLE;
    int type = q->flags & MAP_TYPE;
    if ((q->flags & ~known) || (q->prot & ~(int)REGION_PROT) ||
        (type != MAP_SHARED && type != MAP_PRIVATE))
        return REGION_FOREIGN;
    return (uint32_t)q->prot | (type == MAP_SHARED ? REGION_SHARED : 0) |
           (q->flags & MAP_NORESERVE ? REGION_NORESERVE : 0);
}

/* The memory for the ranges, at the first one. Lock held. */
static bool have_memory(void)
{
    if (arena.base)
        return true;
    long at = sys_mmap(room, ARENA_AT_FIRST, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_failed(at))
        return false;
    pool_start(&arena, (uintptr_t)at, ARENA_AT_FIRST);
    return true;
}

/* Lock held. A keeper alone has the descriptor of the placeholder: what the program closes, or puts
 * in the place of a descriptor, never lies over its memory. */
static bool have_placeholder(void)
{
    struct stat st;
    if (placeholder.file)
        return true;
    long fd = brief_memfd(COLD_NAME);
    long file = fd < 0 ? fd : sys_fstat((int)fd, &st);
    if (file == 0)
        file = keepers_hold((int)fd);
    if (fd >= 0)
        brief_close((int)fd);
    if (file < 0) {
        why_not = file;
        return false;
    }
    placeholder = (struct held){ .file = (unsigned)file, .dev = st.st_dev, .ino = st.st_ino };
    return true;
}

static void track(const struct map_request *q, uintptr_t at, uint32_t kind, const struct held *seen)
{
    struct stat now;
    if (!have_memory() || !have_placeholder())
        return;
    struct held *h = pool_take(&held_pool);
    if (!h)
        return;
    long file = keepers_hold(q->fd);
    /* Another thread may have given the number to another file meanwhile. */
    bool same = file > 0 && sys_fstat(q->fd, &now) == 0 && now.st_dev == q->st.st_dev &&
                now.st_ino == q->st.st_ino;
    struct region *r = same ? tree_add(&tracked, at, page_up(at + q->len)) : NULL;
    if (!r) {
        if (file > 0)
            keepers_drop((unsigned)file);
        else
            why_not = file;
        pool_give(&held_pool, h);
        return;
    }
    *h = *seen;
    h->file = (unsigned)file;
    h->pieces = 1;
    h->base = at - q->offset;
    r->held = h;
    r->kind = kind;
    note_warm(r);
    count_tracked();
}

void cold_mapped(struct map_request *q, uintptr_t at)
{
    uint32_t kind = kind_of(q);
    struct held seen;
    uint64_t mask;
    if (state == NEVER || state == OVER || !may_be(kind) ||
        __atomic_load_n(&future_locked, __ATOMIC_RELAXED))
        return;
    enum word word = word_of(q->fd);
    const struct stat *st;
    if (word == WORD_OFF || (word == WORD_AUTO && !pressure_actions().hold) ||
        !(st = request_file(q)) || !S_ISREG(st->st_mode) || !is_local(q, &seen) || !take(&mask))
        return;
    track(q, at, kind, &seen);
    bool over = excess();
    drop(mask);
    if (over || why_not)
        due_set(DUE_COLD);
}

/* ---- cooling ---- */

static bool in_use(uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < use_count; i++)
        if (uses[i].start < end && start < uses[i].end)
            return true;
    return false;
}

/* How many mappings may be warm, where MAPHERD_COLD_WARM says so. */
static size_t warm_most(void)
{
    long most = options_number(options.cold_warm);
    return most > 0 ? (size_t)most : SIZE_MAX;
}

/* Whether mappings are to become cold now. Once that begins it goes on until there is some room, so
 * that one scan of the list serves for many mappings. */
static bool excess(void)
{
    static bool going_on;
    if (state == OVER || queue.count == 0)
        return false;
    going_on = count_wants_cold(going_on);
    return going_on || tracked.total - cold_count > warm_most();
}

/* Whether r may become cold together with first: it is as old, and is watched if first is. */
static bool goes_along(const struct region *r, const struct region *first)
{
    size_t warm = tracked.total - cold_count;
    return !is_cold(r) && !r->overlay && r->warmed <= first->warmed + warm / 4 &&
           (r->kind & WATCHED) == (first->kind & WATCHED) && keepers_has(r->held->file) &&
           !in_use(r->start, r->end);
}

/* The ranges beside first which go along, up to a batch: sets *start and *end. */
static void widen(const struct region *first, unsigned most, uintptr_t *start, uintptr_t *end)
{
    const struct region *r;
    unsigned n = 1;
    *start = first->start;
    *end = first->end;
    for (r = first->after; r && n < most && r->start == *end && r->end - *start <= BATCH_BYTES &&
                           goes_along(r, first);
         r = r->after, n++)
        *end = r->end;
    for (r = first->before; r && n < most && r->end == *start && *end - r->start <= BATCH_BYTES &&
                            goes_along(r, first);
         r = r->before, n++)
        *start = r->start;
}

/* The kernel is asked whether faults come to the library: a raw system call may have changed the
 * handler. */
static bool faults_come_here(void)
{
    struct sys_action now;
    return sys_sigaction(SIGBUS, NULL, &now) == 0 && now.handler == handler;
}

/* The ranges in which an access since the look was seen wait for another turn. */
static void spare_used(const struct switched *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        struct region *r = s->used >> i & 1 ? find(s->expected[i].start) : NULL;
        if (!r)
            continue;
        r->kind &= ~(uint32_t)WATCHED;
        r->warmed = ++warmings;
        wait_for_turn(r);
        STATUS_ADD(cold_spared, 1);
    }
}

/*
 * Watches the ranges whose turn comes in a while: an access until then enters pages into the page
 * tables again, and shows that the range is in use. The first ones that become cold were not
 * watched.
 */
static void watch_next(void)
{
    enum { AHEAD_MOST = 16384 };
    size_t ahead = queue.count / 2 < AHEAD_MOST ? queue.count / 2 : AHEAD_MOST;
    struct switched *s = &batch;
    s->count = s->used = 0;
    for (size_t i = ahead; i < queue.count && i < ahead + 4 * BATCH && s->count < BATCH; i++) {
        struct waiting w = queue.at[(queue.first + i) % queue.room];
        struct region *r = is_waiting(&w) ? find(w.start) : NULL;
        if (r && !(r->kind & WATCHED))
            s->expected[s->count++] =
                (struct expected){ r->start, r->end, offset_of(r), r->kind, r->held };
    }
    if (!s->count || keepers_run(placeholder.file, unmap_pages, s) < 0)
        return;
    for (unsigned i = 0; i < s->count; i++)
        if (s->used >> i & 1)
            find(s->expected[i].start)->kind |= WATCHED;
}

/* Lays the placeholder over first and up to most ranges in all. Sets *start and *end. Returns the
 * answer of switch_range. */
static long cover(const struct region *first, unsigned most, uintptr_t *start, uintptr_t *end)
{
    struct switched *s = &batch;
    widen(first, most, start, end);
    s->start = *start;
    s->end = *end;
    s->offset = *start;
    s->prot = PROT_READ | PROT_WRITE;
    s->flags = MAP_SHARED | MAP_NORESERVE;
    s->count = s->used = 0;
    for (struct region *r = tree_from(&tracked, *start); r && r->start < *end; r = r->after)
        s->expected[s->count++] =
            (struct expected){ r->start, r->end, offset_of(r), r->kind, r->held };
    return keepers_run(placeholder.file, switch_range, s);
}

static unsigned cool_beside(struct region *first, unsigned most)
{
    uintptr_t start, end;
    unsigned n = 0;
    uint64_t warmed = first->warmed;
    long at = cover(first, most, &start, &end);
    if (at == -EAGAIN) {
        spare_used(&batch);
        if (first->warmed != warmed)
            return 0;
        at = cover(first, 1, &start, &end);
    }
    if (at == -EAGAIN) { /* it was accessed just now */
        spare_used(&batch);
        return 0;
    }
    if (at == -ESTALE)
        lose(tree_from(&tracked, batch.wrong));
    if (sys_failed(at)) {
        why_not = at == -ESTALE ? why_not : at;
        return 0;
    }
    for (struct region *r = tree_from(&tracked, start); r && r->start < end; r = r->after, n++) {
        r->kind = (r->kind | COLD) & ~(uint32_t)WATCHED;
        r->warmed = warmings;
        count_one(r, 1);
    }
    return n;
}

/* Makes up to most mappings cold, and returns how many. Spares those that were made warm by the
 * last `young` warmings. Lock held. */
static unsigned cool(unsigned most, uint64_t young)
{
    unsigned done = 0;
    keepers_settle(); /* a fork that runs no handlers may come at any time */
    if (!faults_come_here())
        return 0;
    watch_next();
    watch_next(); /* more than become cold now, for some are in use */
    for (size_t left = queue.count; left && done < most; left--) {
        struct region *r = next_in_turn();
        if (!r)
            break;
        bool spared = r->overlay || warmings - r->warmed < young || !keepers_has(r->held->file);
        if (spared || in_use(r->start, r->end)) {
            r->overlay -= r->overlay != 0;
            wait_for_turn(r);
            continue;
        }
        done += cool_beside(r, most - done);
    }
    STATUS_ADD(cooled, done);
    if (done && state == READY)
        state = BEGUN;
    count_tracked();
    return done;
}

bool cold_makes_room(void)
{
    uint64_t mask;
    unsigned done = 1;
    while (done && count_refuses_files()) {
        if (!cold_tracks() || !take(&mask))
            return false;
        done = state == OVER ? 0 : cool(BATCH, 0);
        drop(mask);
    }
    return !count_refuses_files();
}

/* Tells once that it has begun, and once what it could not do. */
static void tell(void)
{
    static bool told_begun, told_why;
    if (state == BEGUN && !__atomic_exchange_n(&told_begun, true, __ATOMIC_RELAXED))
        log_line(
            EVENT_cold,
            "mappings of files that were not used lately are cold from now on: they take no VMA, "
            "and are mapped again at the first access (MAPHERD_COLD); %u of %u mappings are cold",
            cold_count, cold_tracked_count);
    if (why_not && !__atomic_exchange_n(&told_why, true, __ATOMIC_RELAXED))
        log_line(EVENT_cold_failed,
                 "a mapping of a file could not become cold, or warm again: %s (error %ld)",
                 reason_of(-why_not), -why_not);
}

/* A few batches for each call of the program. */
bool cold_settle(void)
{
    enum { BATCHES = 4 };
    uint64_t mask;
    bool more = false;
    if (!cold_tracks() || !take(&mask))
        return false;
    for (unsigned n = 0; n < BATCHES && (more = excess()); n++)
        if (!cool(BATCH, 0)) {
            more = false;
            break;
        }
    drop(mask);
    tell();
    return more;
}

/* ---- the program's calls ---- */

void cold_reach(const void *at, size_t len)
{
    uintptr_t start = (uintptr_t)at;
    uint64_t mask;
    if (!cold_any() || !len || !take(&mask))
        return;
    warm_range(start, start + len < start ? UINTPTR_MAX : start + len);
    drop(mask);
}

bool cold_begin_use(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!cold_tracks() || end <= start || !take(&mask))
        return false;
    struct region *r = tree_from(&tracked, start);
    bool noted = r && r->start < end && use_count < USES_MAX;
    if (noted) {
        uses[use_count].start = start;
        uses[use_count].end = end;
        uses[use_count++].thread = lock_thread();
    }
    warm_range(start, end);
    drop(mask);
    return noted;
}

/* Lock held. Where the first mapping was tracked during the call, there is no such use. */
static void end_use(uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < use_count; i++) {
        if (uses[i].start == start && uses[i].end == end && uses[i].thread == lock_thread()) {
            uses[i] = uses[--use_count];
            return;
        }
    }
}

bool cold_in(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!cold_any() || !take(&mask))
        return false;
    struct region *r = tree_from(&tracked, start);
    while (r && r->start < end && !is_cold(r))
        r = r->after;
    bool any = r && r->start < end;
    drop(mask);
    return any;
}

void cold_end_use(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!use_count || !take(&mask))
        return;
    end_use(start, end);
    drop(mask);
}

/* Makes the ranges warm, and takes them out of the tree. Lock held. Where one cannot be mapped, it
 * stays. */
static void forgo(uintptr_t start, uintptr_t end)
{
    warm_range(start, end);
    tree_split_at(&tracked, start);
    tree_split_at(&tracked, end);
    for (struct region *r = tree_from(&tracked, start), *next; r && r->start < end; r = next) {
        next = r->after;
        if (!is_cold(r))
            tree_remove(&tracked, r);
    }
    count_tracked();
}

void cold_forgo(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!cold_tracks() || !take(&mask))
        return;
    forgo(start, end);
    drop(mask);
}

void cold_forgo_file(dev_t dev, ino_t ino)
{
    uint64_t mask;
    if (!cold_tracks() || !take(&mask))
        return;
    for (struct region *r = tree_from(&tracked, 0), *next; r; r = next) {
        next = r->after;
        if ((!r->held->dev || r->held->dev == dev) && r->held->ino == ino)
            forgo(r->start, r->end);
    }
    drop(mask);
}

void cold_end_change(uintptr_t start, uintptr_t end, long answer, uint32_t clear, uint32_t set)
{
    uint64_t mask;
    if ((!cold_tracks() && !use_count) || !take(&mask))
        return;
    end_use(start, end);
    bool changed = answer == 0 && (clear | set);
    if (answer < 0) {
        forgo(start, end);
    } else if (changed) {
        tree_split_at(&tracked, start);
        tree_split_at(&tracked, end);
        for (struct region *r = tree_from(&tracked, start); r && r->start < end; r = r->after)
            r->kind = (r->kind & ~(clear & ~(uint32_t)COLD)) | set;
        for (struct region *r = tree_from(&tracked, start), *next; r && r->start < end; r = next) {
            next = r->after;
            if (!may_be(r->kind))
                forgo(r->start, r->end);
        }
    }
    drop(mask);
}

struct region *cold_cut(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!cold_tracks() || !take(&mask))
        return NULL;
    tree_split_at(&tracked, start);
    tree_split_at(&tracked, end);
    for (struct region *r = tree_from(&tracked, start); r && r->start < end; r = r->after) {
        if (!is_cold(r))
            continue;
        count_one(r, -1);
        r->kind = (r->kind & ~(uint32_t)COLD) | CUT_COLD;
    }
    struct region *cut = tree_cut(&tracked, start, end);
    count_tracked();
    drop(mask);
    return cut;
}

void cold_replaced(uintptr_t start, uintptr_t end)
{
    cold_gone(cold_cut(start, end));
}

void cold_gone(struct region *cut)
{
    uint64_t mask;
    if (!cut || !take(&mask))
        return;
    tree_drop_all(&tracked, cut);
    drop(mask);
}

void cold_stays(struct region *cut)
{
    uint64_t mask;
    if (!cut || !take(&mask))
        return;
    for (struct region *r = cut, *rest; r; r = rest) {
        rest = r->left;
        r->left = NULL;
        bool was_cold = r->kind & CUT_COLD;
        r->kind &= ~(uint32_t)CUT_COLD;
        tree_insert(&tracked, r);
        if (was_cold) {
            r->kind |= COLD;
            count_one(r, 1);
        } else {
            wait_for_turn(r);
        }
    }
    count_tracked();
    drop(mask);
}

/* ---- start, fork and end ---- */

void cold_start(bool handled)
{
    struct sys_action now;
    bool never = word_for(NULL) == WORD_OFF && !rules_ask_path(options.cold);
    if (!handled || options.mode != MODE_PROTECT || never || sys_sigaction(SIGBUS, NULL, &now) < 0)
        return;
    handler = now.handler;
    model_take();
    room = zone_pick(ROOM);
    model_drop();
    if (!room)
        return;
    keepers_start(room + KEEPERS_AT);
    state = READY;
}

bool cold_may_be(void)
{
    return state == READY || state == BEGUN;
}

void cold_lock_future(bool on)
{
    __atomic_store_n(&future_locked, on, __ATOMIC_RELAXED);
}

void cold_withdraw(void)
{
    uint64_t mask;
    if (state == NEVER || !take(&mask))
        return;
    forgo(0, UINTPTR_MAX);
    if (!cold_any())
        keepers_end();
    state = OVER;
    drop(mask);
    if (cold_any())
        log_line(EVENT_cold_left,
                 "%u mappings stay cold, because the limit allows no more that are warm; no other "
                 "mapping becomes cold from now on",
                 cold_count);
}

void cold_follow(void)
{
    uint64_t mask;
    if (state == NEVER || !take(&mask))
        return;
    long answer = keepers_follow();
    drop(mask);
    if (answer < 0)
        log_line(
            EVENT_cold_rights,
            "a thread of mapherd keeps users or capabilities that the program has given up: %s "
            "(error %ld)",
            reason_of(-answer), -answer);
}

void cold_before_fork(void)
{
    lock_take(&cold_lock);
    keepers_settle();
}

void cold_fork_ended(void)
{
    if (lock_mine(&cold_lock))
        lock_drop(&cold_lock);
}

void cold_after_fork(void)
{
    bool held = lock_owner(&cold_lock) != 0;
    lock_reset(&cold_lock);
    use_count = 0;
    if (held && !lock_mine(&cold_lock)) {
        tracked.root = NULL;
        tracked.total = queue.count = 0;
        state = OVER;
        count_tracked();
    }
    keepers_after_fork();
}
