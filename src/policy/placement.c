/*
 * placement: see placement.h for what and why.
 *
 * Rules here: what the kernel refuses is declined, never reported: the caller's plain mmap then
 * gives the kernel's own answer. A merge is never assumed: merged() asks.
 */
#define _GNU_SOURCE
#include "policy/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/sys.h"
#include "model/model.h"
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

/* The window of f in which [offset, offset + len) is free, made if there is none; held. */
static struct window *find_window(struct file *f, const struct map_request *q, size_t len,
                                  uint64_t size)
{
    unsigned layers = 0;
    for (struct window *w = f->windows; w; w = w->next, layers++) {
        uintptr_t place = w->base + q->offset;
        if (q->offset + len <= w->span && regions_free(place, place + len)) {
            windows_hold(w);
            return w;
        }
    }
    return layers < WINDOW_LAYERS ? windows_add(f, size, q->offset + len) : NULL;
}

static struct window *window_for(const struct map_request *q, size_t len, const struct stat *st)
{
    struct file *f = files_find(st->st_dev, st->st_ino);
    if (!f) {
        if (q->offset == 0 && q->len >= (uint64_t)st->st_size)
            return NULL; /* one map is the whole file */
        if (is_hugetlbfs(q->fd, st) || !(f = files_add(st->st_dev, st->st_ino)))
            return NULL;
        f->linked = st->st_nlink > 0;
    }
    struct window *w = find_window(f, q, len, (uint64_t)st->st_size);
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

/*
 * Are the two pages on either side of the border in one map? mremap of both to the length of the
 * whole address space says EFAULT if they are not, and ENOMEM if they are (mm/mremap.c: the range
 * must lie in one VMA before anything else is asked of it). No other call is so cheap, and none
 * does without /proc.
 */
static bool merged(uintptr_t border)
{
    size_t both = 2 * page_size, space = windows_whole_space();
    long answer = sys_mremap(border - page_size, both, space, 0, 0);
    if (!sys_failed(answer)) /* no kernel known does that; what it added is taken away again */
        sys_munmap((uintptr_t)answer + both, space - both);
    return !sys_failed(answer) || answer == -ENOMEM;
}

/* Joins r with the neighbours that the kernel has merged it with; true if it has no alike
 * neighbour left that is another map. */
static bool settle(struct region *r)
{
    bool whole = true;
    struct region *left = r->before, *right = r->after;
    if (right && right->start == r->end && regions_alike(r, right)) {
        if (merged(r->end))
            regions_join(r);
        else
            whole = false;
    }
    if (left && left->end == r->start && regions_alike(left, r)) {
        if (merged(r->start))
            regions_join(left);
        else
            whole = false;
    }
    return whole;
}

/* A master that reaches to end, of this kind. Costs a map, and spares at least one: it is only
 * asked for when two neighbours did not merge. */
static bool have_master(struct window *w, const struct map_request *q, uint64_t end, uint64_t size,
                        uint32_t kind)
{
    if (w->master && w->master_kind == kind && w->master_len >= end)
        return true;
    if (sys_rlimit(RLIMIT_AS) != RLIM_INFINITY)
        return false;
    uint64_t len = 2 * (end > size ? end : size);
    if (len > w->span)
        len = w->span;
    uintptr_t hint = windows_pick(len);
    long at = hint ? sys_mmap(hint, len, q->prot, q->flags & ~MAP_POPULATE, q->fd, 0) : -ENOMEM;
    if (sys_failed(at))
        return false;
    windows_retire_master(w);
    if (w->master) { /* no memory to remember the old one by */
        sys_munmap((uintptr_t)at, len);
        return false;
    }
    windows_give_master(w, (uintptr_t)at, len, kind);
    for (struct region *r = regions_from(w->base); r && r->start < w->base + w->span; r = r->after)
        if (r->window == w)
            r->mastered = false;
    return true;
}

/*
 * Makes [start, start + len) anew from the master. The kernel takes the old map away and puts the
 * new one there in one step (both under the mmap lock), so a thread that stores there meanwhile
 * waits and then finds the same page of the same file. If it fails between the two, the range is
 * mapped from the descriptor, as it was.
 */
static bool remake(struct window *w, const struct map_request *q, uintptr_t start, size_t len)
{
    uint64_t offset = start - w->base;
    if (offset + len > w->master_len)
        return false;
    long at = sys_mremap(w->master + offset, 0, len, MREMAP_MAYMOVE | MREMAP_FIXED, start);
    if (at == (long)start)
        return true;
    if (sys_msync(start, len, MS_ASYNC) < 0 &&
        sys_failed(sys_mmap(start, len, q->prot, (q->flags & ~MAP_POPULATE) | MAP_FIXED, q->fd,
                            (off_t)offset)))
        log_line(LOG_ERROR, "lost the map of %zu bytes at 0x%lx while joining it: the kernel has "
                 "no memory", len, (unsigned long)start);
    return false;
}

/* Region r is of the master from here on, if it can be. */
static void adopt_into_master(struct window *w, const struct map_request *q, struct region *r)
{
    if (r->mastered || !remake(w, q, r->start, r->end - r->start))
        return;
    r->mastered = true;
    STATUS_ADD(joined, 1);
}

/* r lies beside alike neighbours, and the kernel did not merge them. */
static void join(struct window *w, const struct map_request *q, struct region *r, uint64_t size)
{
    if (!(r->kind & REGION_SHARED) || !may_share_open(w, q->fd, r->kind) ||
        !have_master(w, q, r->end - w->base, size, r->kind))
        return;
    struct region *left = r->before, *right = r->after;
    adopt_into_master(w, q, r);
    if (right && right->start == r->end && regions_alike(r, right))
        adopt_into_master(w, q, right);
    if (left && left->end == r->start && regions_alike(left, r))
        adopt_into_master(w, q, left);
    settle(r);
}

/* Makes the neighbour on the left longer. */
static bool grow(struct window *w, const struct map_request *q, uintptr_t place, size_t len,
                 uint32_t kind, uint64_t size)
{
    struct region *left = regions_ending_at(place);
    if (!left || left->window != w || left->kind != kind || (q->flags & MAP_POPULATE) ||
        !may_share_open(w, q->fd, kind))
        return false;
    if (sys_failed(sys_mremap(place - page_size, page_size, page_size + len, 0, 0)))
        return false;
    regions_grow(left, place + len);
    if (!settle(left))
        join(w, q, left, size);
    STATUS_ADD(grown, 1);
    return true;
}

/* What was mapped without the lock, entered. */
static void enter(struct window *w, const struct map_request *q, uintptr_t at, size_t len,
                  uint32_t kind, uint64_t size, long *maps)
{
    long before = model_maps();
    struct region *r = regions_add(at, at + len, w, kind);
    if (r && !settle(r))
        join(w, q, r, size);
    *maps = model_maps() - before;
    STATUS_ADD(placed, 1);
}

long placement_map(const struct map_request *q, long *maps)
{
    struct stat st;
    size_t len = page_up(q->len);
    if (!wants(q))
        return PLACEMENT_DECLINED;
    if (q->offset)
        __atomic_store_n(&chunks_seen, true, __ATOMIC_RELAXED);
    else if (!__atomic_load_n(&chunks_seen, __ATOMIC_RELAXED))
        return PLACEMENT_DECLINED;
    if (sys_fstat(q->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return PLACEMENT_DECLINED;
    long open_flags = sys_fcntl(q->fd, F_GETFL, 0);
    if (open_flags < 0 || (open_flags & (O_PATH | O_WRONLY)) ||
        ((q->flags & MAP_TYPE) == MAP_SHARED && (q->prot & PROT_WRITE) && !(open_flags & O_RDWR)))
        return PLACEMENT_DECLINED;
    uint32_t kind = kind_of(q, open_flags);

    if (!lock_take(&model_lock))
        return PLACEMENT_DECLINED;
    struct window *w = window_for(q, len, &st);
    if (!w) {
        lock_drop(&model_lock);
        return PLACEMENT_DECLINED;
    }
    uintptr_t place = w->base + q->offset;
    if (grow(w, q, place, len, kind, (uint64_t)st.st_size)) {
        windows_release(w);
        lock_drop(&model_lock);
        *maps = 0;
        return (long)place;
    }
    lock_drop(&model_lock);

    long at = sys_mmap(place, q->len, q->prot, q->flags | MAP_FIXED_NOREPLACE, q->fd,
                       (off_t)q->offset);
    if (!sys_failed(at) && at != (long)place) {
        sys_munmap((uintptr_t)at, q->len); /* before Linux 4.17 the flag is only a hint */
        at = -EEXIST;
    }
    if (at == -EEXIST)
        STATUS_ADD(elsewhere, 1);
    if (lock_take(&model_lock)) {
        if (!sys_failed(at))
            enter(w, q, place, len, kind, (uint64_t)st.st_size, maps);
        windows_release(w);
        lock_drop(&model_lock);
    }
    return sys_failed(at) ? PLACEMENT_DECLINED : at;
}

void placement_flocked(int fd)
{
    struct stat st;
    if (!switched_on || sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !lock_take(&model_lock))
        return;
    files_lock(st.st_dev, st.st_ino);
    lock_drop(&model_lock);
}

void placement_retire_masters(void)
{
    if (!lock_take(&model_lock))
        return;
    for (struct region *r = regions_from(0); r; r = r->after)
        if (r->window && r->window->master)
            windows_retire_master(r->window);
    lock_drop(&model_lock);
}
