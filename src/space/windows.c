/*
 * windows: see windows.h.
 */
#define _GNU_SOURCE
#include "space/windows.h"

#include "common/pages.h"
#include "kernel/lock.h"
#include "kernel/pool.h"
#include "space/layers.h"
#include "space/masters.h"
#include "tell/status.h"

#define LARGE_FOLIO (2UL << 20)
/* A window has room for the file to grow. Nothing is reserved, so room costs nothing. A file that
 * has outgrown a window gets more room, because it is likely to grow further. Small windows lie
 * close together, because each GiB in which something is mapped takes a page of page tables. */
#define ROOM 8
#define ROOM_AGAIN 64
#define SPAN_LEAST (128UL << 20)
#define GAPS_MOST 256

static struct pool window_pool = POOL(struct window);

static struct {
    uintptr_t start, end, at;
    size_t whole_space;
    uint64_t random;
} zone;

/* splitmix64. The seed is from the kernel. */
static uint64_t next_random(void)
{
    uint64_t z = zone.random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t round_up(uint64_t n)
{
    return (n + LARGE_FOLIO - 1) & ~(LARGE_FOLIO - 1);
}

void windows_start(uintptr_t stack, uint64_t random)
{
    unsigned bits = 64 - (unsigned)__builtin_clzl(stack | 1);
    uintptr_t eighth = 1UL << (bits > 3 ? bits - 3 : 0);
    zone.whole_space = 8 * eighth - page_size; /* x86-64 leaves the last page out */
    zone.start = 2 * eighth;
    zone.end = 5 * eighth;
    zone.random = random;
    zone.at = zone.start + (next_random() % (zone.end - zone.start) & ~(LARGE_FOLIO - 1));
}

size_t windows_whole_space(void)
{
    return zone.whole_space;
}

uintptr_t windows_pick(uint64_t len)
{
    if (len > (zone.end - zone.start) / 8)
        return 0;
    uint64_t gaps = len / 4 / LARGE_FOLIO;
    gaps = gaps < 8 ? 8 : gaps > GAPS_MOST ? GAPS_MOST : gaps;
    uint64_t gap = (1 + next_random() % gaps) * LARGE_FOLIO;
    if (zone.end - zone.at < gap || zone.end - zone.at - gap < len)
        zone.at = zone.start;
    uintptr_t base = zone.at + gap;
    zone.at = base + round_up(len);
    return base;
}

/* True if the first window of f ends before that offset. */
static bool outgrown(const struct file *f, uint64_t end)
{
    struct window *w = layers_from(f, 0);
    return w && w->span < end;
}

struct window *windows_add(struct file *f, uint64_t size, uint64_t end)
{
    LOCK_ASSERT(&model_lock);
    uint64_t need = size > end ? size : end;
    uint64_t limit = (zone.end - zone.start) / 8;
    uint64_t room = outgrown(f, end) ? ROOM_AGAIN : ROOM;
    uint64_t span = need > limit / room ? limit : round_up(room * need);
    if (end > limit)
        return NULL;
    if (span < SPAN_LEAST)
        span = SPAN_LEAST < limit ? SPAN_LEAST : limit;
    uintptr_t base = windows_pick(span);
    struct window *w = base ? pool_take(&window_pool) : NULL;
    if (!w)
        return NULL;
    w->file = f;
    w->base = base;
    w->span = span;
    w->users = 1;
    if (!layers_add(w)) {
        pool_give(&window_pool, w);
        return NULL;
    }
    f->users++;
    STATUS_ADD(windows, 1);
    return w;
}

void windows_hold(struct window *w)
{
    LOCK_ASSERT(&model_lock);
    w->users++;
    w->file->users++;
}

void windows_release(struct window *w)
{
    LOCK_ASSERT(&model_lock);
    struct file *f = w->file;
    f->users--;
    if (--w->users)
        return;
    layers_remove(w);
    pool_give(&window_pool, w);
    STATUS_ADD(windows, (uint64_t)-1);
    if (f->layers)
        return;
    masters_retire(f);
    f->longest = 0;
    files_remove_unused(f);
}
