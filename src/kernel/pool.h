/*
 * pool: the library's own memory, one VMA that grows in place.
 *
 * Memory is never given back to the kernel: at exit, other threads may still use it. Every function
 * but pool_start needs the model lock.
 */
#ifndef MAPHERD_POOL_H
#define MAPHERD_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Objects of one type, declared with POOL(type). */
struct pool {
    size_t size; /* of an object, in bytes */
    struct pool_free *free;
};

#define POOL(type)         \
    {                      \
        sizeof(type), NULL \
    }

/* Takes len bytes at base, which are mapped and zero, for the objects of all pools. For the
 * constructor. */
void pool_start(uintptr_t base, size_t len);

/* Returns how many bytes are mapped for objects, and sets *base to their start. */
size_t pool_bytes(uintptr_t *base);

/* Returns a zeroed object. Returns NULL where the kernel gives no more memory: then the caller
 * forgets the range, which is always safe, because the calls of an unknown range pass through. */
void *pool_take(struct pool *p);

/* Takes an object of this pool back, for the next pool_take. */
void pool_give(struct pool *p, void *object);

#endif
