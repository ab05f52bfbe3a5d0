/*
 * windows: the ranges of address space where the chunks of a file belong.
 *
 * A window reserves nothing: nothing is mapped for it, so it costs no VMA. The chunk at offset o of
 * the file belongs at base + o. So chunks that continue each other in the file are neighbours in
 * memory, and the kernel merges them into one VMA. A part that is mapped twice at a time needs a
 * second window, a layer (layers.h). A file gets its first window when a second chunk continues a
 * mapped one, or when it has several lone chunks: a chunk that is alone in a window has page tables
 * of its own there.
 *
 * Windows lie in the zone, from a quarter to five eighths of the user's address space of 39 to 48
 * bits. That is above the addresses that AddressSanitizer and the JVM's collectors choose, and
 * below PIE programs and the addresses that the kernel chooses, from the top down. Every function
 * needs the model lock.
 */
#ifndef MAPHERD_WINDOWS_H
#define MAPHERD_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/files.h"

struct window {
    struct file *file;
    uintptr_t base; /* the address of offset 0; a multiple of 2 MiB, so that large folios fit */
    uint64_t span;  /* the offset where it ends: a chunk that ends later does not belong here */
    size_t users;   /* regions in it, and calls at work on it */
    unsigned layer; /* its number among the windows of the file, see layers.h */
};

/* Sets the zone. Any address on the stack shows the size of the address space; random is a seed.
 * For the constructor. */
void windows_start(uintptr_t stack, uint64_t random);

/* Returns the size of the user's address space. It is the longest length that the kernel accepts,
 * and more than the distance from any address in the zone to the end. */
size_t windows_whole_space(void);

/* Returns the address of len bytes in the zone; 0 if len does not fit. Addresses begin at random
 * and ascend with random gaps. Nothing is reserved: the caller maps the range with
 * MAP_FIXED_NOREPLACE. */
uintptr_t windows_pick(uint64_t len);

/* Adds a window for f with one user. The file has size bytes, and a chunk of it that ends at the
 * offset end is mapped. Returns NULL where the file is too large for the zone, or there is no
 * memory. */
struct window *windows_add(struct file *f, uint64_t size, uint64_t end);

/* Adds a user. */
void windows_hold(struct window *w);

/* Takes a user away. The last user removes the window. The last window of a file removes the
 * masters of the file, and the file itself if it has no lone chunk. */
void windows_release(struct window *w);

#endif
