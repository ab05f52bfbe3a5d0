/*
 * windows: where the chunks of a file belong.
 */
#define _GNU_SOURCE
#include "model/windows.h"

#include "base/pool.h"
#include "model/model.h"

#define LARGE_FOLIO (2UL << 20)
/* A window is given room for a file to grow in: nothing is reserved, so room costs nothing. */
#define ROOM 8
#define WINDOWS_IN_ZONE 1024

static struct pool window_pool = POOL(struct window);
static struct window *dead;
static size_t masters;

static struct {
    uintptr_t start, end, at;
    size_t whole_space;
    uint64_t random;
} zone;

/* splitmix64: spreads the seed; the seed itself is the kernel's. */
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
    uint64_t gap = (1 + next_random() % 256) * LARGE_FOLIO;
    if (zone.end - zone.at < gap || zone.end - zone.at - gap < len)
        zone.at = zone.start;
    uintptr_t base = zone.at + gap;
    zone.at = base + round_up(len);
    return base;
}

struct window *windows_add(struct file *f, uint64_t size, uint64_t end)
{
    uint64_t need = size > end ? size : end;
    uint64_t limit = (zone.end - zone.start) / 8;
    uint64_t least = (zone.end - zone.start) / WINDOWS_IN_ZONE;
    uint64_t span = need < least / ROOM ? least : round_up(ROOM * need);
    if (end > limit)
        return NULL;
    uintptr_t base = windows_pick(span < limit ? span : limit);
    struct window *w = base ? pool_take(&window_pool) : NULL;
    if (!w)
        return NULL;
    w->file = f;
    w->base = base;
    w->span = span < limit ? span : limit;
    w->users = 1;
    w->checked_fd = -1;
    struct window **last = &f->windows;
    while (*last)
        last = &(*last)->next;
    *last = w;
    STATUS_ADD(windows, 1);
    return w;
}

void windows_hold(struct window *w)
{
    w->users++;
}

size_t windows_masters(void)
{
    return masters;
}

void windows_give_master(struct window *w, uintptr_t addr, size_t len, uint32_t kind)
{
    w->master = addr;
    w->master_len = len;
    w->master_kind = kind;
    STATUS_SET(masters, ++masters);
}

static void bury_later(struct window *w)
{
    STATUS_SET(masters, --masters);
    w->next = dead;
    __atomic_store_n(&dead, w, __ATOMIC_RELAXED);
}

void windows_release(struct window *w)
{
    if (--w->users)
        return;
    struct file *f = w->file;
    struct window **at = &f->windows;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (!f->windows)
        files_remove(f);
    STATUS_ADD(windows, (uint64_t)-1);
    if (w->master)
        bury_later(w);
    else
        pool_give(&window_pool, w);
}

void windows_retire_master(struct window *w)
{
    struct window *grave = w->master ? pool_take(&window_pool) : NULL;
    if (!grave)
        return;
    grave->master = w->master;
    grave->master_len = w->master_len;
    w->master = 0;
    bury_later(grave);
}

bool windows_bury(uintptr_t *addr, size_t *len)
{
    struct window *w = dead;
    if (!w)
        return false;
    *addr = w->master;
    *len = w->master_len;
    __atomic_store_n(&dead, w->next, __ATOMIC_RELAXED);
    pool_give(&window_pool, w);
    return true;
}

bool windows_have_dead(void)
{
    return __atomic_load_n(&dead, __ATOMIC_RELAXED) != NULL;
}
