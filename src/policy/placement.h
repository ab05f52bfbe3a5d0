/*
 * placement: the chunks of a file, side by side.
 *
 * The kernel merges neighbouring maps of one open file whose offsets continue each other
 * (mm/vma.c, can_vma_merge_after). It places maps top-down, so chunks mapped in ascending order
 * never do. Here each is put where it belongs in its file's window (model/windows.h):
 *
 *   grow    the left neighbour is there: mremap makes it longer, in place. The cheapest call of
 *           all, and it merges on every filesystem and across open()s.
 *   place   mmap at the place, with MAP_FIXED_NOREPLACE.
 *   join    the kernel did not merge what was placed (another open file, overlayfs): the chunk is
 *           made anew with mremap(old_size = 0) from the window's master, one map of the whole
 *           file, and so are its neighbours. Chunks of one master merge in any order.
 *
 * grow and join make a chunk belong to another open file than the one given. They are used only
 * where nothing can tell: same access mode and flags, a local filesystem, no seals, no flock of
 * the program and no OFD lock on the file (those live as long as the open file).
 *
 * A file that one map covers whole needs no herding and is left to the kernel: small files would
 * only cost page tables if each had a window. And until a program maps a part of a file that is
 * not its beginning, its file maps are not looked at: no system call is made for them.
 */
#ifndef MAPHERD_PLACEMENT_H
#define MAPHERD_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/request.h"

/* Off: placement_map declines everything. */
void placement_switch(bool on);

/* mlockall(MCL_FUTURE) is in force: no map is grown or made from a master, which would lock it. */
void placement_locks_future(bool on);

/* Not an address and not an error: the caller maps it as the program asked. */
#define PLACEMENT_DECLINED 1L

/*
 * Maps the request in its file's window and enters it in the model; returns its address, or
 * PLACEMENT_DECLINED with nothing done. Adds to the count what it added. Takes the model lock; its
 * own system calls while it holds it are mremap and, for a master, mmap, on local filesystems.
 * They do no I/O, but that a chunk made anew from the master may let go of the last map of an
 * open file that the program has closed.
 */
long placement_map(struct map_request *q);

/* The program used flock on this descriptor: its file's opens are told apart from here on. */
void placement_flocked(int fd);

/* Master maps must not be locked (they cover whole files): before mlockall(MCL_CURRENT). The
 * caller then buries them (windows_bury). Takes the model lock. */
void placement_retire_masters(void);

#endif
