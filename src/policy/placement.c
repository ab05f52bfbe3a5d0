/*
 * placement: see placement.h for what and why.
 *
 * Rules here: what the kernel refuses is declined, never reported: the caller's plain mmap then
 * gives the kernel's own answer. A merge is never assumed: model/merge.h asks.
 */
#define _GNU_SOURCE
#include "policy/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/sys.h"
#include "model/model.h"
#include "model/count.h"
#include "model/held.h"
#include "model/masters.h"
#include "model/merge.h"
#include "model/regions.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif

/* After this many maps through one descriptor number, OFD locks are asked for again. */
#define CHECK_EVERY 32

static bool switched_on;
/* The program has mapped a part of a file that is not its beginning. Until then the beginnings
 * are not looked at: most programs map whole files only, and those pay nothing. */
static bool chunks_seen;
static bool future_locked;

void placement_switch(bool on)
{
    switched_on = on;
}

void placement_locks_future(bool on)
{
    __atomic_store_n(&future_locked, on, __ATOMIC_RELAXED);
}

/* Only requests whose meaning does not depend on the address. */
static bool wants(const struct map_request *q)
{
    const int ignored = MAP_DENYWRITE | MAP_EXECUTABLE | MAP_NONBLOCK;
    int flags = q->flags & ~(ignored | MAP_NORESERVE | MAP_POPULATE);
    return switched_on && q->addr == 0 && (flags == MAP_SHARED || flags == MAP_PRIVATE) &&
           !(q->prot & ~(PROT_READ | PROT_WRITE)) && q->len > 0 &&
           q->len <= UINT64_MAX / 4 && q->offset <= (uint64_t)INT64_MAX / 2 &&
           !(q->offset & (page_size - 1));
}

/* What of the open file's flags two opens must have in common: bits above REGION_OPEN_SHIFT. */
static uint32_t open_kind(long flags)
{
    static const int matter[] = { O_WRONLY, O_RDWR, O_APPEND, O_DIRECT, O_DSYNC, O_SYNC & ~O_DSYNC,
                                  O_NOATIME, O_NONBLOCK };
    uint32_t kind = 0;
    for (unsigned i = 0; i < sizeof matter / sizeof *matter; i++)
        if (flags & matter[i])
            kind |= 1u << (REGION_OPEN_SHIFT + i);
    return kind;
}

static uint32_t kind_of(const struct map_request *q, long open_flags)
{
    return (uint32_t)q->prot | ((q->flags & MAP_TYPE) == MAP_SHARED ? REGION_SHARED : 0) |
           (q->flags & MAP_NORESERVE ? REGION_NORESERVE : 0) | open_kind(open_flags);
}

static void ask_filesystem(struct file *f, int fd)
{
    long type = 0;
    sys_fstatfs_type(fd, &type);
    switch (type) {
    case TMPFS_MAGIC:
        f->opens = f->linked ? OPENS_ALIKE : OPENS_APART;
        break;
    case EXT4_SUPER_MAGIC: /* and ext2, ext3 */
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
        f->opens = OPENS_ALIKE;
        break;
    case OVERLAYFS_SUPER_MAGIC:
        f->opens = OPENS_ALIKE_IF_WRITABLE;
        break;
    default:
        f->opens = OPENS_APART;
    }
}

/*
 * Local filesystems only: a network one keeps credentials and its promises of close() in the open
 * file. A memfd may have seals, which stop new maps and not the growth of old ones. On overlayfs
 * two opens for reading may be of two files with one inode number: the lower one, and the copy
 * that somebody's first write has made since.
 */
static bool opens_alike(struct file *f, int fd, uint32_t kind)
{
    if (f->opens == OPENS_UNASKED)
        ask_filesystem(f, fd);
    return f->opens == OPENS_ALIKE ||
           (f->opens == OPENS_ALIKE_IF_WRITABLE && (kind & open_kind(O_RDWR)));
}

/* Large pages have rules of alignment of their own. tmpfs may show as large a block. */
static bool is_hugetlbfs(int fd, const struct stat *st)
{
    long type;
    return st->st_blksize >= 2L << 20 &&
           (sys_fstatfs_type(fd, &type) < 0 || type == HUGETLBFS_MAGIC);
}

/* A place is free, or held under the same kind (model/held.h): then it has to be given back first. */
enum place { PLACE_TAKEN, PLACE_FREE, PLACE_HELD };

static enum place place_of(const struct window *w, const struct map_request *q, size_t len,
                           uint32_t kind)
{
    uintptr_t start = w->base + q->offset, end = start + len;
    if (q->offset + len > w->span)
        return PLACE_TAKEN;
    if (regions_free(start, end))
        return PLACE_FREE;
    return regions_held_alike(start, end, w, kind) ? PLACE_HELD : PLACE_TAKEN;
}

/* The window of f with a place for the request, made if there is none; held. */
static struct window *find_window(struct file *f, const struct map_request *q, size_t len,
                                  uint64_t size, uint32_t kind)
{
    unsigned layers = 0;
    for (struct window *w = f->windows; w; w = w->next, layers++) {
        if (place_of(w, q, len, kind) != PLACE_TAKEN) {
            windows_hold(w);
            return w;
        }
    }
    return layers < WINDOW_LAYERS ? windows_add(f, size, q->offset + len) : NULL;
}

static struct window *window_for(const struct map_request *q, size_t len, const struct stat *st,
                                 uint32_t kind)
{
    struct file *f = files_find(st->st_dev, st->st_ino);
    if (!f) {
        if (q->offset == 0 && q->len >= (uint64_t)st->st_size)
            return NULL; /* one map is the whole file */
        if (is_hugetlbfs(q->fd, st) || !(f = files_add(st->st_dev, st->st_ino)))
            return NULL;
        f->linked = st->st_nlink > 0;
    }
    struct window *w = find_window(f, q, len, (uint64_t)st->st_size, kind);
    if (!w && !f->windows)
        files_remove(f);
    return w;
}

/* No OFD lock stands in the way of taking the file at large. POSIX locks belong to the process
 * and not to the open file; the kernel shows them with a pid, OFD locks with -1. */
static bool free_of_ofd_locks(int fd)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (sys_fcntl(fd, F_OFD_GETLK, (uintptr_t)&whole) < 0)
        return false;
    return whole.l_type == F_UNLCK || whole.l_pid != -1;
}

/* Nothing can tell whether the chunk belongs to this open file or to another of its kind. */
static bool may_share_open(struct window *w, int fd, uint32_t kind)
{
    if (w->file->locked || __atomic_load_n(&future_locked, __ATOMIC_RELAXED) ||
        !opens_alike(w->file, fd, kind))
        return false;
    if (w->checked_fd == fd && ++w->checked_uses < CHECK_EVERY)
        return true;
    w->checked_fd = fd;
    w->checked_uses = 0;
    if (free_of_ofd_locks(fd))
        return true;
    w->checked_fd = -1;
    return false;
}

/* A place in a window, on its way to be mapped. */
struct placing {
    const struct map_request *q;
    struct source source;
    struct window *w;
    uintptr_t start, end; /* what the program gets */
    uint32_t kind;
    bool held;            /* the place is, and has to be given back first */
    bool beside;          /* a neighbour is there that it can be one map with */
    bool shares_open;     /* nothing can tell by which open file it is mapped */
};

/* The nearest region of the window below or above the place, if it is alike but for being held. */
static struct region *neighbour(const struct placing *p, struct region *r)
{
    return r && r->window == p->w && (r->kind & ~(uint32_t)REGION_HELD) == p->kind ? r : NULL;
}

/* Is there a neighbour that it can be one map with? */
static bool is_beside(const struct placing *p)
{
    return p->shares_open && (neighbour(p, regions_ending_at(p->start)) ||
                              neighbour(p, regions_starting_at(p->end)));
}

/*
 * overlayfs gives a mapping its file after the kernel has looked for equal neighbours. A change of
 * protection makes it look again (mm/mprotect.c); the program does not know of the mapping yet.
 */
static bool settle_again(const struct placing *p, struct region **r)
{
    int prot = p->q->prot, other = prot == PROT_NONE ? PROT_READ : PROT_NONE;
    size_t len = p->end - p->start;
    return sys_mprotect(p->start, len, other) == 0 && sys_mprotect(p->start, len, prot) == 0 &&
           merge_settle(r);
}

/* r has been mapped: joins it with its neighbours. */
static void enter(const struct placing *p, struct region *r)
{
    if (!merge_settle(&r) && !settle_again(p, &r) && p->shares_open && (p->kind & REGION_SHARED))
        masters_join(p->w, &p->source, r);
}

/* Makes the neighbour on the left longer. */
static bool grow(const struct placing *p)
{
    struct region *left = regions_ending_at(p->start);
    if (!neighbour(p, left) || (p->q->flags & MAP_POPULATE) || !p->shares_open)
        return false;
    if (sys_failed(sys_mremap(p->start - page_size, page_size, page_size + (p->end - p->start), 0, 0)))
        return false;
    if (left->kind == p->kind) {
        regions_grow(left, p->end);
        if (!merge_settle(&left) && (p->kind & REGION_SHARED))
            masters_join(p->w, &p->source, left);
    } else {
        struct region *r = regions_add(p->start, p->end, p->w, p->kind);
        if (r) {
            r->joined_below = true;
            r->mastered = left->mastered;
            enter(p, r);
        }
    }
    STATUS_ADD(grown, 1);
    return true;
}

/* Maps it beside its neighbours, or alone. The window is held, and released here. */
static long place(const struct placing *p)
{
    off_t offset = (off_t)(p->start - p->w->base);
    bool refused = count_refuses_files() && !p->beside;
    if (p->held && !refused) {
        refused = !held_vacate(p->start, p->end);
        STATUS_ADD(filled, !refused);
    }
    long at = refused ? -EBUSY
                      : sys_mmap(p->start, p->q->len, p->q->prot, p->q->flags | MAP_FIXED_NOREPLACE,
                                 p->q->fd, offset);
    if (!sys_failed(at) && at != (long)p->start) {
        sys_munmap((uintptr_t)at, p->q->len); /* before Linux 4.17 the flag is only a hint */
        at = -EEXIST;
    }
    if (at == -EEXIST)
        STATUS_ADD(elsewhere, 1);
    model_take(); /* it was free of this thread a moment ago */
    if (!sys_failed(at)) {
        long before = regions_maps_around(p->start, p->end);
        struct region *r = regions_add(p->start, p->end, p->w, p->kind);
        if (r)
            enter(p, r);
        count_add(regions_maps_around(p->start, p->end) - before);
        STATUS_ADD(placed, 1);
    }
    windows_release(p->w);
    model_drop();
    return sys_failed(at) ? PLACEMENT_DECLINED : (long)p->start;
}

long placement_map(struct map_request *q)
{
    size_t len = page_up(q->len);
    if (!wants(q))
        return PLACEMENT_DECLINED;
    if (q->offset)
        __atomic_store_n(&chunks_seen, true, __ATOMIC_RELAXED);
    else if (!__atomic_load_n(&chunks_seen, __ATOMIC_RELAXED))
        return PLACEMENT_DECLINED;
    const struct stat *st = request_file(q);
    if (!st || !S_ISREG(st->st_mode))
        return PLACEMENT_DECLINED;
    long open_flags = sys_fcntl(q->fd, F_GETFL, 0);
    if (open_flags < 0 || (open_flags & (O_PATH | O_WRONLY)) ||
        ((q->flags & MAP_TYPE) == MAP_SHARED && (q->prot & PROT_WRITE) && !(open_flags & O_RDWR)))
        return PLACEMENT_DECLINED;
    struct placing p = {
        .q = q,
        .source = { q->fd, q->prot, q->flags, (uint64_t)st->st_size },
        .kind = kind_of(q, open_flags),
    };
    if (!model_take())
        return PLACEMENT_DECLINED;
    p.w = window_for(q, len, st, p.kind);
    if (!p.w) {
        model_drop();
        return PLACEMENT_DECLINED;
    }
    p.start = p.w->base + q->offset;
    p.end = p.start + len;
    files_note_fd(p.w->file, q->fd);
    if (p.w->longest < len)
        p.w->longest = len;
    p.shares_open = p.w->users > 1 && may_share_open(p.w, q->fd, p.kind);
    p.held = !regions_free(p.start, p.end);
    p.beside = is_beside(&p);
    bool done = !p.held && grow(&p);
    if (done) {
        windows_release(p.w);
        count_add(0);
    }
    model_drop();
    return done ? (long)p.start : place(&p);
}

void placement_flocked(int fd)
{
    struct stat st;
    if (!switched_on || sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !model_take())
        return;
    files_lock(st.st_dev, st.st_ino);
    model_drop();
}

void placement_retire_masters(void)
{
    if (!model_take())
        return;
    for (struct region *r = regions_from(0); r; r = r->after)
        if (r->window && r->window->master)
            windows_retire_master(r->window);
    model_drop();
}
