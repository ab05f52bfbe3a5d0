/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * files: a hash table with chains.
 */
#define _GNU_SOURCE
#include "space/files.h"

#include <stdint.h>

#include "kernel/lock.h"
#include "kernel/pool.h"
#include "tell/status.h"

#define BUCKETS 4096 /* a page of the table without files takes no memory */

struct buckets {
    struct file *at[BUCKETS];
};

static struct pool file_pool = POOL(struct file);
static struct pool bucket_pool = POOL(struct buckets);
static struct pool lone_pool = POOL(struct lone);
static struct buckets *table;

static struct {
    dev_t dev;
    ino_t ino;
} locked[FILES_LOCKED_MAX];
static unsigned locked_count; /* FILES_LOCKED_MAX + 1: every file is locked */

static bool is_locked(dev_t dev, ino_t ino)
{
    for (unsigned i = 0; i < locked_count && i < FILES_LOCKED_MAX; i++)
        if (locked[i].dev == dev && locked[i].ino == ino)
            return true;
    return locked_count > FILES_LOCKED_MAX;
}

static struct file **bucket(dev_t dev, ino_t ino)
{
    uint64_t key = ((uint64_t)dev << 40 ^ (uint64_t)ino) * 0x9e3779b97f4a7c15u;
    return &table->at[key >> 52];
}

struct file *files_find(dev_t dev, ino_t ino)
{
    LOCK_ASSERT(&model_lock);
    if (!table)
        return NULL;
    struct file *f = *bucket(dev, ino);
    while (f && (f->dev != dev || f->ino != ino))
        f = f->next;
    return f;
}

struct file *files_add(dev_t dev, ino_t ino)
{
    LOCK_ASSERT(&model_lock);
    if (!table && !(table = pool_take(&bucket_pool)))
        return NULL;
    struct file *f = pool_take(&file_pool);
    if (!f)
        return NULL;
    struct file **b = bucket(dev, ino);
    f->dev = dev;
    f->ino = ino;
    f->locked = is_locked(dev, ino);
    f->fd = f->checked_fd = -1;
    f->compares = FILES_COMPARES;
    files_note_unmap(f); /* so the number is not that of a file that was removed */
    f->next = *b;
    *b = f;
    STATUS_ADD(known_files, 1);
    return f;
}

void files_note_unmap(struct file *f)
{
    LOCK_ASSERT(&model_lock);
    static uint64_t unmaps;
    f->last_unmap = ++unmaps;
}

void files_note_fd(struct file *f, int fd)
{
    LOCK_ASSERT(&model_lock);
    f->several |= f->fd >= 0 && f->fd != fd;
    f->fd = fd;
}

void files_lock(dev_t dev, ino_t ino)
{
    LOCK_ASSERT(&model_lock);
    if (is_locked(dev, ino))
        return;
    if (locked_count < FILES_LOCKED_MAX) {
        locked[locked_count].dev = dev;
        locked[locked_count].ino = ino;
    }
    locked_count++;
    if (locked_count <= FILES_LOCKED_MAX) {
        struct file *f = files_find(dev, ino);
        if (f)
            f->locked = true;
        return;
    }
    for (unsigned b = 0; table && b < BUCKETS; b++)
        for (struct file *f = table->at[b]; f; f = f->next)
            f->locked = true;
}

void files_remove_unused(struct file *f)
{
    LOCK_ASSERT(&model_lock);
    if (f->layers || f->lone)
        return;
    struct file **at = bucket(f->dev, f->ino);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    pool_give(&file_pool, f);
    STATUS_ADD(known_files, (uint64_t)-1);
}

struct lone *files_add_lone(struct file *f, uint64_t offset, uint64_t end, uint32_t kind)
{
    LOCK_ASSERT(&model_lock);
    struct lone *l = pool_take(&lone_pool);
    if (!l)
        return NULL;
    l->file = f;
    l->offset = offset;
    l->end = end;
    l->kind = kind;
    l->users = 1;
    l->next = f->lone;
    f->lone = l;
    f->lone_count++;
    return l;
}

void files_hold_lone(struct lone *l)
{
    LOCK_ASSERT(&model_lock);
    l->users++;
}

void files_release_lone(struct lone *l)
{
    LOCK_ASSERT(&model_lock);
    if (--l->users)
        return;
    struct file *f = l->file;
    struct lone **at = &f->lone;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    f->lone_count--;
    pool_give(&lone_pool, l);
    files_remove_unused(f);
}

bool files_continues(const struct file *f, uint64_t offset, uint64_t end, uint32_t kind)
{
    LOCK_ASSERT(&model_lock);
    for (const struct lone *l = f->lone; l; l = l->next)
        if (l->kind == kind && (l->end == offset || l->offset == end))
            return true;
    return false;
}
