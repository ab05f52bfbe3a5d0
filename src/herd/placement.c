/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * placement: see placement.h for what and why.
 *
 * Two rules hold here. A request that the kernel refuses is declined, and the caller's plain mmap
 * then gets the kernel's own answer. A merge is never assumed: space/merge.h asks the kernel.
 */
#define _GNU_SOURCE
#include "herd/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "common/pages.h"
#include "herd/retention.h"
#include "kernel/mounts.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/masters.h"
#include "space/merge.h"
#include "space/model.h"
#include "space/pressure.h"
#include "space/regions.h"
#include "space/windows.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* After so many mappings through one descriptor number, the kernel is asked for OFD locks again. */
#define CHECK_EVERY 32
/* So many chunks of a file may lie where the kernel puts them, each with a gap to the next. Each
 * stays a VMA of its own, and a hole in the window that is made later. */
#define LONE_MOST 4

static bool switched_on;
/* The program has mapped a part of a file that is not its beginning. Until then beginnings are not
 * looked at: most programs map whole files only, and placement costs them nothing. */
static bool chunks_seen;
static bool future_locked; /* mlockall(MCL_FUTURE) is in force */

void placement_switch(bool on)
{
    switched_on = on;
}

void placement_locks_future(bool on)
{
    __atomic_store_n(&future_locked, on, __ATOMIC_RELAXED);
}

/* Only requests whose meaning does not depend on the address are placed. */
static bool wants(const struct map_request *q)
{
    const int ignored = MAP_DENYWRITE | MAP_EXECUTABLE | MAP_NONBLOCK;
    int flags = q->flags & ~(ignored | MAP_NORESERVE | MAP_POPULATE);
    return switched_on && q->addr == 0 && (flags == MAP_SHARED || flags == MAP_PRIVATE) &&
           !(q->prot & ~(PROT_READ | PROT_WRITE)) && q->len > 0 && q->len <= UINT64_MAX / 4 &&
           q->offset <= (uint64_t)INT64_MAX / 2 && !(q->offset & (page_size - 1));
}

/* The flags that two open files must have in common, as bits above REGION_OPEN_SHIFT. None is
 * O_WRONLY: placement_map declines it. */
static uint32_t open_kind(long flags)
{
    static const int matter[] = { O_APPEND,          O_DIRECT,  O_DSYNC,
                                  O_SYNC & ~O_DSYNC, O_NOATIME, O_NONBLOCK };
    uint32_t kind = flags & O_RDWR ? REGION_WRITABLE : 0;
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

/* The filesystem of the descriptor's file, for fs_type of files.h. overlayfs shows the numbers of
 * the filesystem below it, and btrfs has no number of inodes. */
static long filesystem_of(int fd)
{
    long type;
    struct sys_space space;
    if (sys_fstatfs_type(fd, &type) < 0)
        return FILES_FS_UNKNOWN;
    if (type == OVERLAYFS_SUPER_MAGIC && (sys_fstatfs(fd, &space) < 0 || !space.files))
        return FILES_FS_OVERLAY_UNCOUNTED;
    return type;
}

static void note_opens(struct file *f)
{
    switch (f->fs_type) {
    case TMPFS_MAGIC: f->opens = f->linked ? OPENS_ALIKE : OPENS_APART; break;
    case EXT4_SUPER_MAGIC: /* and ext2, ext3 */
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC: f->opens = OPENS_ALIKE; break;
    case OVERLAYFS_SUPER_MAGIC:
    case FILES_FS_OVERLAY_UNCOUNTED: f->opens = OPENS_ALIKE_IF_WRITABLE; break;
    default: f->opens = OPENS_APART;
    }
}

/*
 * A chunk may belong to any open file of f. Only on local filesystems: a network filesystem keeps
 * credentials, and what close() has to do, in the open file. A memfd may have seals, which forbid
 * new mappings but not the growth of old ones. On overlayfs two opens for reading may be of two
 * files with one inode number: the lower file, and the copy that a first write has made since.
 */
static bool opens_alike(const struct file *f, uint32_t kind)
{
    return f->opens == OPENS_ALIKE ||
           (f->opens == OPENS_ALIKE_IF_WRITABLE && (kind & REGION_WRITABLE));
}

/* Huge pages have alignment rules of their own. tmpfs may show as large a block size. */
#define HUGE_PAGE (2L << 20)

static bool is_hugetlbfs(int fd)
{
    long type;
    return sys_fstatfs_type(fd, &type) < 0 || type == HUGETLBFS_MAGIC;
}

/* A place is taken, free, or retained by regions of the same kind (herd/retention.h). A retained
 * place has to be given back before a chunk is mapped there. */
enum place { PLACE_TAKEN, PLACE_FREE, PLACE_RETAINED };

static enum place place_of(const struct window *w, const struct map_request *q, size_t len,
                           uint32_t kind)
{
    uintptr_t start = w->base + q->offset, end = start + len;
    if (q->offset + len > w->span)
        return PLACE_TAKEN;
    if (regions_free(start, end))
        return PLACE_FREE;
    return regions_retained_alike(start, end, w, kind) ? PLACE_RETAINED : PLACE_TAKEN;
}

/*
 * By the model no layer has the place free. The model is wrong if a call that no hook saw has
 * unmapped a chunk, and a program that always unmaps so would get one more layer with each chunk.
 * So before a layer is added, the kernel is asked about one of the existing layers, each in its
 * turn. Returns the window, with a reference, if the place is free there. *gone: f may have been
 * freed.
 */
static struct window *ask_layer(struct file *f, const struct map_request *q, size_t len,
                                uint32_t kind, bool *gone)
{
    struct window *w = windows_from(f, f->asked);
    if (!w && !(w = windows_from(f, 0)))
        return NULL;
    f->asked = w->layer + 1;
    windows_hold(w);
    if (q->offset + len <= w->span)
        regions_forget_gone(w->base + q->offset, w->base + q->offset + len);
    if (place_of(w, q, len, kind) != PLACE_TAKEN)
        return w;
    *gone = w->users == 1;
    windows_release(w);
    return NULL;
}

/* The window of f with a place for the request, with a reference; made if there is none. */
static struct window *find_window(struct file *f, const struct map_request *q, size_t len,
                                  uint64_t size, uint32_t kind)
{
    for (const struct layers *g = f->layers; g; g = g->next) {
        for (uint32_t left = windows_free(g, q->offset, q->offset + len); left; left &= left - 1) {
            struct window *w = g->at[__builtin_ctz(left)];
            if (place_of(w, q, len, kind) != PLACE_TAKEN) {
                windows_hold(w);
                return w;
            }
        }
    }
    bool gone = false;
    struct window *w = ask_layer(f, q, len, kind, &gone);
    return w || gone ? w : windows_add(f, size, q->offset + len);
}

static bool covers_all(const struct map_request *q, const struct stat *st)
{
    return q->offset == 0 && q->len >= (uint64_t)st->st_size;
}

/* The window for the request, with a reference; NULL where the chunk is left to the kernel. Then
 * q->lone says whether it is to be remembered. */
static struct window *window_for(struct map_request *q, size_t len, const struct stat *st,
                                 uint32_t kind)
{
    struct file *f = files_find(st->st_dev, st->st_ino);
    if (!f || !f->layers) {
        if (covers_all(q, st))
            return NULL;
        if (!f ||
            (f->lone_count < LONE_MOST && !files_continues(f, q->offset, q->offset + len, kind))) {
            q->lone = true;
            q->kind = kind;
            return NULL;
        }
    }
    return find_window(f, q, len, (uint64_t)st->st_size, kind);
}

void placement_remember(const struct map_request *q, struct region *r)
{
    LOCK_ASSERT(&model_lock);
    struct file *f = files_find(q->st.st_dev, q->st.st_ino);
    if (!f && !(f = files_add(q->st.st_dev, q->st.st_ino)))
        return;
    f->linked |= q->st.st_nlink > 0;
    files_note_fd(f, q->fd);
    r->lone = files_add_lone(f, q->offset, q->offset + (r->end - r->start), q->kind);
    files_remove_unused(f);
}

/* The file has no OFD lock. POSIX locks belong to the process and not to the open file; the kernel
 * shows them with a pid, and OFD locks with -1. */
static bool free_of_ofd_locks(int fd)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (sys_fcntl(fd, F_OFD_GETLK, (uintptr_t)&whole) < 0)
        return false;
    return whole.l_type == F_UNLCK || whole.l_pid != -1;
}

/* No program can see whether the chunk belongs to this open file or to another of its kind. */
static bool may_share_open(struct file *f, int fd, uint32_t kind)
{
    if (f->locked || __atomic_load_n(&future_locked, __ATOMIC_RELAXED) || !opens_alike(f, kind))
        return false;
    if (f->checked_fd == fd && ++f->checked_uses < CHECK_EVERY)
        return true;
    f->checked_fd = fd;
    f->checked_uses = 0;
    if (free_of_ofd_locks(fd))
        return true;
    f->checked_fd = -1;
    return false;
}

/* A request and the place in a window where it is to be mapped. */
struct placing {
    const struct map_request *q;
    struct window *w;
    uintptr_t start, end;
    uint32_t kind;
    bool retained;    /* the place is retained, and has to be given back first */
    bool beside;      /* the chunk can be one VMA with a neighbour */
    bool finds_type;  /* what msync has to know of the filesystem is to be found out */
    bool finds_opens; /* what joining has to know of it */
};

/* r is a region of the window and of the same kind; it may be retained. */
static bool is_alike(const struct placing *p, const struct region *r)
{
    return r && r->window == p->w && (r->kind & ~(uint32_t)REGION_RETAINED) == p->kind;
}

/* The chunk can be one VMA with a neighbour. A retained range around the place is one. */
static bool is_beside(const struct placing *p)
{
    return p->retained || is_alike(p, regions_ending_at(p->start)) ||
           is_alike(p, regions_starting_at(p->end));
}

/* The chunk, which is mapped and in region r, is one VMA with a neighbour. */
static bool has_merged(const struct placing *p, const struct region *r)
{
    return r->start < p->start || r->end > p->end || (r->before && regions_one_vma(r->before, r)) ||
           (r->after && regions_one_vma(r, r->after));
}

/*
 * The kernel compares a VMA with its neighbours when its flags change. Here they change and change
 * back, on a chunk that the program does not know yet, so that it is afterwards what mmap has made.
 * overlayfs needs this: it puts another file into a VMA after mmap has compared it. (With RANDOM
 * the chunk may become one with a RANDOM neighbour, and NORMAL splits it off again. At the map
 * limit that fails, and the chunk keeps an advice that is about reading ahead and nothing else.)
 */
static bool merges_compared(const struct placing *p, struct region **r)
{
    struct file *f = p->w->file;
    if (!f->compares)
        return false;
    size_t len = p->end - p->start;
    if (sys_madvise(p->start, len, MADV_RANDOM) == 0)
        sys_madvise(p->start, len, MADV_NORMAL);
    merge_settle(r);
    bool merged = has_merged(p, *r);
    f->compares = merged ? FILES_COMPARES : f->compares - 1;
    if (merged)
        STATUS_ADD(compared, 1);
    return merged;
}

static bool may_join(uint32_t kind)
{
    return (kind & REGION_SHARED) && pressure_actions().join;
}

/* Maps the chunk anew from the file's master, where that is allowed and may make it one VMA with a
 * neighbour, now or later. False: it was lost half way, and nothing is mapped there. */
static bool join(const struct placing *p, struct region **r)
{
    const struct map_request *q = p->q;
    struct file *f = p->w->file;
    bool first = f->used == p->end - p->start;
    if (!may_join(p->kind) || (!p->beside && (first || f->seen == SEEN_MERGED)) ||
        !may_share_open(f, q->fd, p->kind))
        return true;
    struct source source = { q->fd, q->prot, q->flags };
    struct fresh fresh = { p->start, p->end - p->start, p->start - p->w->base, p->kind };
    enum join done = masters_join(f, &source, &fresh);
    if (done == JOIN_LOST)
        regions_forget(p->start, p->end);
    else if (done == JOIN_DONE)
        merge_settle(r);
    return done != JOIN_LOST;
}

/* Makes r, which has been mapped, one VMA with its neighbours if the kernel finds them equal.
 * False: the chunk is not mapped any more, because it was lost or was one more VMA at a full
 * level. */
static bool settle(const struct placing *p, struct region *r)
{
    merge_settle(&r);
    bool merged = has_merged(p, r) || (p->beside && merges_compared(p, &r));
    if (p->beside && p->w->file->seen != SEEN_APART)
        p->w->file->seen = merged ? SEEN_MERGED : SEEN_APART;
    if (!merged && !join(p, &r))
        return false;
    if (!merged && count_refuses_files() && !has_merged(p, r)) {
        regions_forget(p->start, p->end);
        sys_munmap(p->start, p->end - p->start);
        return false;
    }
    return true;
}

/*
 * The filesystem may be on a network, and not answer for minutes: it is asked without a lock. msync
 * has to know it (sync/sync.c), but may find the descriptor closed, or one of another file. So it
 * is asked for when the first chunk is placed whose msync syncs. auto has to tell btrfs from
 * others, and no file of btrfs has the device of a disk. The call is no other than a process makes
 * for its record (tell/recordfile.c), also under a seccomp filter.
 */
static long find_filesystem(const struct placing *p)
{
    bool asks =
        p->finds_opens || options.sync == SYNC_FAST || !files_on_disk_device(p->q->st.st_dev);
    return asks ? filesystem_of(p->q->fd) : FILES_FS_UNKNOWN;
}

/* Maps the request at its place, and releases the reference to the window. */
static long place(const struct placing *p)
{
    off_t offset = (off_t)(p->start - p->w->base);
    bool refused = count_refuses_files() && !p->beside;
    if (p->retained && !refused) {
        refused = !retained_vacate(p->start, p->end);
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
    bool placed = !sys_failed(at);
    bool finds = placed && (p->finds_type || p->finds_opens);
    long type = finds ? find_filesystem(p) : FILES_FS_UNASKED;
    model_take(); /* cannot fail: this thread did not own it a moment ago */
    if (finds && p->w->file->fs_type <= 0)
        p->w->file->fs_type = type;
    if (finds && p->finds_opens)
        note_opens(p->w->file);
    if (placed) {
        long before = regions_vmas_around(p->start, p->end);
        struct region *r = regions_add(p->start, p->end, p->w, p->kind);
        placed = !r || settle(p, r);
        count_add(regions_vmas_around(p->start, p->end) - before);
        STATUS_ADD(placed, placed);
    }
    windows_release(p->w);
    model_drop();
    return placed ? (long)p->start : PLACEMENT_DECLINED;
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
        .kind = kind_of(q, open_flags),
    };
    if (!model_take())
        return PLACEMENT_DECLINED;
    if (st->st_blksize >= HUGE_PAGE && !covers_all(q, st) && !files_find(st->st_dev, st->st_ino)) {
        model_drop(); /* the filesystem is asked without a lock */
        if (is_hugetlbfs(q->fd) || !model_take())
            return PLACEMENT_DECLINED;
    }
    p.w = window_for(q, len, st, p.kind);
    if (!p.w) {
        model_drop();
        return PLACEMENT_DECLINED;
    }
    p.start = p.w->base + q->offset;
    p.end = p.start + len;
    files_note_fd(p.w->file, q->fd);
    if (p.w->file->longest < len)
        p.w->file->longest = len;
    p.retained = !regions_free(p.start, p.end);
    p.beside = is_beside(&p);
    p.finds_type =
        p.w->file->fs_type == FILES_FS_UNASKED && options.sync != SYNC_PLAIN && kind_syncs(p.kind);
    p.finds_opens = p.w->file->opens == OPENS_UNASKED && may_join(p.kind);
    model_drop();
    return place(&p);
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
        if (r->window)
            masters_retire(r->window->file);
    model_drop();
}

bool placement_settle(void)
{
    for (;;) {
        uintptr_t addr;
        if (!model_take())
            return true;
        bool any = masters_take_retired(&addr);
        model_drop();
        if (!any)
            return false;
        sys_munmap(addr, page_size);
    }
}
