/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

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

static struct arena first;

void pool_start(struct arena *arena, uintptr_t base, size_t len)
{
    arena = arena ? arena : &first;
    arena->base = arena->at = base;
    arena->end = base + len;
}

size_t pool_bytes(uintptr_t *base)
{
    *base = first.base;
    return first.end - first.base;
}

/* Grows by a quarter, in place: nothing else is placed where it grows. */
static int grow(struct arena *arena)
{
    size_t len = arena->end - arena->base;
    size_t more = len / 4 / STEP * STEP;
    if (more < STEP)
        more = STEP;
    if (!len || sys_failed(sys_mremap(arena->base, len, len + more, 0, 0)))
        return 0;
    arena->end += more;
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
    struct arena *arena = p->arena ? p->arena : &first;
    while (arena->end - arena->at < size)
        if (!grow(arena))
            return NULL;
    void *object = (void *)arena->at;
    arena->at += size;
    return object;
}

void pool_give(struct pool *p, void *object)
{
    struct pool_free *f = object;
    f->next = p->free;
    p->free = f;
}
