/*
 * windows: a file's ranges of address space.
 *
 * A window is a belief, not a reservation: nothing is mapped for it, so it costs no map. The
 * chunk of the file at offset o belongs at base + o, so chunks that continue each other in the
 * file lie side by side and the kernel makes one map of them. A part that is mapped twice at the
 * same time needs a second window, a layer.
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

#include "model/files.h"

struct window {
    struct window *next; /* of the same file; or in the list of the dead */
    struct file *file;
    uintptr_t base;  /* where offset 0 belongs; a multiple of 2 MiB, so that large folios fit */
    uint64_t span;   /* chunks that end behind it do not belong here */
    size_t users;    /* regions in it, and calls at work on it */
    uint64_t used;   /* bytes mapped in it, what is held not among them */
    size_t longest;  /* the longest map that the program made in it */
    uintptr_t master;/* a map of the file that chunks are made from, or 0 */
    size_t master_len;
    uint32_t master_kind; /* REGION_ bits of the master */
    int checked_fd;  /* the descriptor whose open file was last found free of OFD locks */
    unsigned checked_uses; /* how often that answer was used */
};

/* How many windows a file may have at a time. */
#define WINDOW_LAYERS 8

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

/* The last user takes the window with it, and the file with its last window. A master map is put
 * on the list of the dead, because munmap may have to close the file, which must not happen under
 * a lock. */
void windows_release(struct window *w);

/* How many windows have a master. */
size_t windows_masters(void);

/* Takes one dead master map off the list, for the caller to unmap without the lock. */
bool windows_bury(uintptr_t *addr, size_t *len);

/* w has a master from here on. */
void windows_give_master(struct window *w, uintptr_t addr, size_t len, uint32_t kind);

/* Puts w's master on the list of the dead, with a window of its own. */
void windows_retire_master(struct window *w);

/* The dead may be waiting. Cheap, without the lock. */
bool windows_have_dead(void);

#endif
