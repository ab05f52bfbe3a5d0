/*
 * pool: the library's own memory, one map that grows in place.
 *
 * Nothing is ever given back to the kernel: other threads may be inside at exit, and a map more
 * or less is what this project is about. Callers hold the model lock.
 */
#ifndef MAPHERD_POOL_H
#define MAPHERD_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Objects of one size. Start with POOL(type). */
struct pool {
    size_t size;
    struct pool_free *free;
};

#define POOL(type) { sizeof(type), NULL }

/* The map objects come from: len bytes at base, mapped and zero. pool_take grows it. */
void pool_start(uintptr_t base, size_t len);

/* Bytes mapped for objects, for mapherd stat; *base is where they lie. */
size_t pool_bytes(uintptr_t *base);

/* A zeroed object, or NULL where the kernel gives no more memory: then the caller forgets what
 * it wanted to remember, which is always safe (unknown means pass through). */
void *pool_take(struct pool *p);

void pool_give(struct pool *p, void *object);

#endif
