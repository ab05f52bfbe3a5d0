/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * masters: see masters.h.
 */
#define _GNU_SOURCE
#include "space/masters.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/due.h"
#include "common/pages.h"
#include "kernel/lock.h"
#include "kernel/newer.h"
#include "kernel/pool.h"
#include "kernel/sys.h"
#include "space/zone.h"
#include "tell/status.h"

struct master {
    struct master *next; /* of the same file; or on the list of those to unmap */
    uintptr_t addr;      /* a page: the first of the file */
    uint32_t kind;       /* REGION_ bits */
};

static struct pool master_pool = POOL(struct master);
static struct master *retired;
static size_t total;

/*
 * MADV_COLD returns EINVAL for locked memory (mm/madvise.c, can_madv_lru_vma; before Linux 5.4 for
 * all), and does nothing where no page is present. A lock is the only property that a new shared
 * mapping gets from its process and not from its call (mm->def_flags), and the only one that a call
 * sets on all VMAs, whatever their address.
 */
static bool is_plain(uintptr_t addr, size_t len)
{
    return sys_madvise(addr, len, MADV_COLD) == 0;
}

static bool is_of(const struct file *f, int fd)
{
    struct stat st;
    return sys_fstat(fd, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
}

static void retire(struct master *m)
{
    STATUS_SET(masters, --total);
    m->next = retired;
    retired = m;
    due_set(DUE_MASTERS);
}

static struct master *find(struct file *f, uint32_t kind)
{
    struct master **at = &f->masters;
    while (*at && (*at)->kind != kind)
        at = &(*at)->next;
    struct master *m = *at;
    if (!m || is_plain(m->addr, page_size))
        return m;
    *at = m->next;
    retire(m);
    return NULL;
}

/* Another thread may have replaced the file of the descriptor since the caller asked. So the file
 * is asked for again when the master is mapped. */
static struct master *make(struct file *f, const struct source *s, uint32_t kind)
{
    uintptr_t hint = zone_pick(page_size);
    struct master *m = hint ? pool_take(&master_pool) : NULL;
    if (!m)
        return NULL;
    long at = sys_mmap(hint, page_size, s->prot, s->flags, s->fd, 0);
    bool good = !sys_failed(at) && is_of(f, s->fd) && is_plain((uintptr_t)at, page_size);
    if (!sys_failed(at) && !good)
        sys_munmap((uintptr_t)at, page_size);
    if (!good) {
        pool_give(&master_pool, m);
        return NULL;
    }
    m->addr = (uintptr_t)at;
    m->kind = kind;
    m->next = f->masters;
    f->masters = m;
    STATUS_SET(masters, ++total);
    return m;
}

/*
 * The copy is made elsewhere, from the beginning of the file to the end of the part, and the part
 * is moved from there. No page of it is present, so nothing is copied and no page table is made.
 * The call that moves it removes the fresh mapping too.
 */
static enum join replace(const struct master *m, const struct fresh *new)
{
    const int onto = MREMAP_MAYMOVE | MREMAP_FIXED;
    if (new->offset == 0) {
        long at = sys_mremap(m->addr, 0, new->len, onto, new->start);
        return at == (long)new->start                           ? JOIN_DONE
               : sys_msync(new->start, new->len, MS_ASYNC) == 0 ? JOIN_DECLINED
                                                                : JOIN_LOST;
    }
    size_t all = new->offset + new->len;
    long copy = sys_mremap(m->addr, 0, all, MREMAP_MAYMOVE, 0);
    if (sys_failed(copy))
        return JOIN_DECLINED;
    uintptr_t part = (uintptr_t)copy + new->offset;
    if (sys_mremap(part, new->len, new->len, onto, new->start) == (long)new->start) {
        sys_munmap((uintptr_t)copy, new->offset);
        return JOIN_DONE;
    }
    sys_munmap((uintptr_t)copy, all);
    return sys_msync(new->start, new->len, MS_ASYNC) == 0 ? JOIN_DECLINED : JOIN_LOST;
}

enum join masters_join(struct file *f, const struct source *s, const struct fresh *new)
{
    LOCK_ASSERT(&model_lock);
    if ((s->flags & MAP_POPULATE) || sys_rlimit(RLIMIT_AS) != RLIM_INFINITY ||
        !is_plain(new->start, new->len))
        return JOIN_DECLINED;
    struct master *m = find(f, new->kind);
    if (!m && !(m = make(f, s, new->kind)))
        return JOIN_DECLINED;
    enum join join = replace(m, new);
    if (join == JOIN_DONE)
        STATUS_ADD(joined, 1);
    return join;
}

void masters_retire(struct file *f)
{
    LOCK_ASSERT(&model_lock);
    for (struct master *m = f->masters, *next; m; m = next) {
        next = m->next;
        retire(m);
    }
    f->masters = NULL;
}

void masters_review(struct file *f)
{
    LOCK_ASSERT(&model_lock);
    if (f->masters && (!f->longest || f->used / f->longest <= f->users))
        masters_retire(f);
}

static bool is_in(const struct master *m, uintptr_t addr)
{
    while (m && m->addr != addr)
        m = m->next;
    return m;
}

bool masters_has(dev_t dev, ino_t ino, uintptr_t addr)
{
    LOCK_ASSERT(&model_lock);
    const struct file *f = files_find(dev, ino);
    return (f && is_in(f->masters, addr)) || is_in(retired, addr);
}

bool masters_take_retired(uintptr_t *addr)
{
    LOCK_ASSERT(&model_lock);
    struct master *m = retired;
    if (!m)
        return false;
    *addr = m->addr;
    retired = m->next;
    pool_give(&master_pool, m);
    return true;
}

size_t masters_total(void)
{
    return total;
}
