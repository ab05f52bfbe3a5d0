/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pool: the library's own memory, in arenas. An arena is one VMA that grows in place.
 *
 * Memory is never given back to the kernel: at exit, other threads may still use it. The pools of
 * the first arena need the model lock, those of another arena the lock of whoever has made it.
 */
#ifndef MAPHERD_POOL_H
#define MAPHERD_POOL_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    uintptr_t base, at, end; /* objects lie below at */
};

/* Objects of one type, declared with POOL(type), or with POOL_IN(type, arena). */
struct pool {
    size_t size; /* of an object, in bytes */
    struct pool_free *free;
    struct arena *arena; /* NULL: the first one */
};

#define POOL(type) POOL_IN(type, NULL)
#define POOL_IN(type, arena)      \
    {                             \
        sizeof(type), NULL, arena \
    }

/* Takes len bytes at base, which are mapped and zero, for the objects of the arena; NULL: of the
 * first one, for the constructor. Nothing else may be mapped behind them. */
void pool_start(struct arena *arena, uintptr_t base, size_t len);

/* Returns how many bytes are mapped in the first arena, and sets *base to their start. */
size_t pool_bytes(uintptr_t *base);

/* Returns a zeroed object. Returns NULL where the kernel gives no more memory: then the caller
 * forgets the range, which is always safe, because the calls of an unknown range pass through. */
void *pool_take(struct pool *p);

/* Takes an object of this pool back, for the next pool_take. */
void pool_give(struct pool *p, void *object);

#endif
