/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldset: see coldset.h.
 */
#define _GNU_SOURCE
#include "limit/coldset.h"

#include <signal.h>
#include <sys/mman.h>

#include "kernel/keepers.h"
#include "kernel/pool.h"
#include "kernel/sys.h"
#include "limit/coldcount.h"
#include "space/count.h"
#include "space/model.h"
#include "space/zone.h"
#include "tell/status.h"

/* The memory of this file and of the keepers is mapped in one range of addresses. */
#define ROOM (1UL << 30)
#define ARENA_AT_FIRST (64UL << 10)
#define SPARES_AT (448UL << 20)
#define QUEUE_AT (512UL << 20)
#define QUEUE_AT_FIRST (64UL << 10)
#define QUEUE_MOST (256UL << 20)
#define KEEPERS_AT (ROOM - KEEPERS_ROOM)

unsigned cold_tracked_count, cold_count;

struct lock coldset_lock = { .rank = LOCK_COLD };
static uintptr_t room;
static struct arena arena;
static struct pool range_pool = POOL_IN(struct region, &arena);
static struct pool held_pool = POOL_IN(struct held, &arena);

static void copied(const struct region *r);
static void dropped(const struct region *r);
struct tree coldset = {
    .copied = copied, .dropped = dropped, .lock = &coldset_lock, .pool = &range_pool
};

static unsigned parts; /* VMAs of the placeholder */

uintptr_t coldset_start(void)
{
    model_take();
    room = zone_pick(ROOM);
    model_drop();
    return room ? room + KEEPERS_AT : 0;
}

uintptr_t coldset_spares(void)
{
    return room + SPARES_AT;
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

bool coldset_take(uint64_t *mask)
{
    if (lock_mine(&coldset_lock))
        return false;
    *mask = sys_block_signals();
    return lock_take(&coldset_lock);
}

void coldset_drop(uint64_t mask)
{
    lock_drop(&coldset_lock);
    sys_sigprocmask(SIG_SETMASK, &mask, NULL);
}

static bool joins_below(const struct region *r)
{
    return r->before && r->before->end == r->start && range_is_cold(r->before);
}

static bool joins_above(const struct region *r)
{
    return r->after && r->after->start == r->end && range_is_cold(r->after);
}

/* r, which is in the tree, has become cold (1), or is about to be no longer (-1). */
void coldset_count(const struct region *r, int one)
{
    int joined = joins_below(r) + joins_above(r);
    parts += (unsigned)(one * (1 - joined));
    __atomic_fetch_add(&cold_count, (unsigned)one, __ATOMIC_RELAXED);
    count_spare(one * joined); /* one mapping, less what the parts become more */
    STATUS_SET(cold, cold_count);
}

size_t coldset_warm_total(void)
{
    return coldset.total - cold_count;
}

void coldset_counted(void)
{
    __atomic_store_n(&cold_tracked_count, (unsigned)coldset.total, __ATOMIC_RELAXED);
    STATUS_SET(warm, coldset_warm_total());
}

/* The upper part of a range that was split. */
static void copied(const struct region *r)
{
    r->held->pieces++;
    if (range_is_cold(r)) {
        __atomic_fetch_add(&cold_count, 1, __ATOMIC_RELAXED);
        count_spare(1);
    } else {
        coldset_wait(r);
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

struct region *coldset_find(uintptr_t addr)
{
    struct region *r = tree_floor(&coldset, addr);
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
    struct region *r = coldset_find(w->start);
    return r && r->start == w->start && r->warmed == w->warmed && !range_is_cold(r);
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
void coldset_wait(const struct region *r)
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
struct region *coldset_next(void)
{
    while (queue.count) {
        struct waiting w = queue.at[queue.first];
        queue.first = (queue.first + 1) % queue.room;
        queue.count--;
        if (is_waiting(&w))
            return coldset_find(w.start);
    }
    return NULL;
}

size_t coldset_waiting(void)
{
    return queue.count;
}

struct region *coldset_waiter(size_t i)
{
    struct waiting w = queue.at[(queue.first + i) % queue.room];
    return is_waiting(&w) ? coldset_find(w.start) : NULL;
}

struct region *coldset_add(uintptr_t start, uintptr_t end, const struct held *file, uint32_t kind)
{
    struct held *h = have_memory() ? pool_take(&held_pool) : NULL;
    struct region *r = h ? tree_add(&coldset, start, end) : NULL;
    if (!r) {
        if (h)
            pool_give(&held_pool, h);
        return NULL;
    }
    *h = *file;
    h->pieces = 1;
    r->held = h;
    r->kind = kind;
    coldset_counted();
    return r;
}

void coldset_remove(struct region *r)
{
    if (range_is_cold(r))
        coldset_count(r, -1);
    tree_remove(&coldset, r);
    coldset_counted();
}

void coldset_forget(void)
{
    coldset.root = NULL;
    coldset.total = queue.count = 0;
    coldset_counted();
}
