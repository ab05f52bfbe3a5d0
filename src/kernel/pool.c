/*
 * pool: a pointer that moves up in one VMA, and a free list for each pool.
 */
#define _GNU_SOURCE
#include "kernel/pool.h"

#include <string.h>
#include <sys/mman.h>

#include "kernel/sys.h"

#define ALIGN 16UL
#define STEP (64UL << 10) /* it grows by multiples of this */

struct pool_free {
    struct pool_free *next;
};

static struct {
    uintptr_t base, at, end;
} arena;

void pool_start(uintptr_t base, size_t len)
{
    arena.base = arena.at = base;
    arena.end = base + len;
}

size_t pool_bytes(uintptr_t *base)
{
    *base = arena.base;
    return arena.end - arena.base;
}

/* Grows by a quarter, in place: nothing else is placed where it grows. */
static int grow(void)
{
    size_t len = arena.end - arena.base;
    size_t more = len / 4 / STEP * STEP;
    if (more < STEP)
        more = STEP;
    if (!len || sys_failed(sys_mremap(arena.base, len, len + more, 0, 0)))
        return 0;
    arena.end += more;
    return 1;
}

void *pool_take(struct pool *p)
{
    if (p->free) {
        void *object = p->free;
        p->free = p->free->next;
        return memset(object, 0, p->size);
    }
    size_t size = (p->size + ALIGN - 1) & ~(ALIGN - 1);
    while (arena.end - arena.at < size)
        if (!grow())
            return NULL;
    void *object = (void *)arena.at;
    arena.at += size;
    return object;
}

void pool_give(struct pool *p, void *object)
{
    struct pool_free *f = object;
    f->next = p->free;
    p->free = f;
}
