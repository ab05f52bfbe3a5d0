/*
 * windows: a file's ranges of address space.
 *
 * A window is a belief, not a reservation: nothing is mapped for it, so it costs no map. The
 * chunk of the file at offset o belongs at base + o, so chunks that continue each other in the
 * file lie side by side and the kernel makes one map of them. A part that is mapped twice at the
 * same time needs a second window, a layer (layers.h). A file gets its first window when a second
 * chunk continues one that is mapped, or when several lone chunks are: a chunk that is alone in a
 * window has page tables of its own there.
 *
 * Windows lie in the zone, the quarter to five eighths of the user's address space, whatever its
 * size (39 to 48 bits): above what AddressSanitizer and the JVM's collectors choose, below PIE
 * programs and where the kernel places maps (top-down). Model lock held.
 */
#ifndef MAPHERD_WINDOWS_H
#define MAPHERD_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/files.h"

struct window {
    struct file *file;
    uintptr_t base;  /* where offset 0 belongs; a multiple of 2 MiB, so that large folios fit */
    uint64_t span;   /* chunks that end behind it do not belong here */
    size_t users;    /* regions in it, and calls at work on it */
    unsigned layer;  /* its number among the windows of the file, see layers.h */
};

/* Any address on the stack tells the size of the address space; random is a seed. */
void windows_start(uintptr_t stack, uint64_t random);

/* The size of the user's address space: the longest length that the kernel takes for one, and
 * longer than what lies behind any place in the zone. */
size_t windows_whole_space(void);

/* len bytes of the zone, chosen at random once and then ascending with random gaps; 0 if len does
 * not fit. Not reserved: map it with MAP_FIXED_NOREPLACE. Also for the library's own map. */
uintptr_t windows_pick(uint64_t len);

/* A new window for f with one user, for a file of size bytes of which something up to end is
 * mapped. NULL where the file is too large for the zone, or without memory. */
struct window *windows_add(struct file *f, uint64_t size, uint64_t end);

void windows_hold(struct window *w);

/* The last user takes the window with it; the last window of a file takes its masters along, and
 * the file, if no lone chunk is left. */
void windows_release(struct window *w);

#endif
