/*
 * placement: the chunks of a file, side by side.
 *
 * The kernel merges neighbouring maps of one open file whose offsets continue each other
 * (mm/vma.c, can_vma_merge_after). It places maps top-down, so chunks mapped in ascending order
 * never do. Here each is put where it belongs in its file's window (space/windows.h):
 *
 *   place    mmap at the place, with MAP_FIXED_NOREPLACE, from the program's own descriptor.
 *   compare  the kernel did not merge it with its neighbour: a change of its flags and back makes
 *            the kernel compare the two again (overlayfs).
 *   join     it still did not, because the two are of different open()s: the chunk is made anew
 *            from the file's master (space/masters.h). Chunks of one master merge in any order.
 *
 * The kernel alone decides whether two maps are equal, and so become one: by functions found by
 * handle, by raw calls or by ioctls the program may have made of a neighbour what no hook has
 * seen. Nothing is done to what the program knows of already.
 *
 * To join makes a chunk belong to another open file than the one given. It is done from a level of
 * pressure on, or where the user asks for it, and only where nothing can tell: same access mode
 * and flags, a local filesystem, no seals, no flock of the program and no OFD lock on the file
 * (those live as long as the open file).
 *
 * A file that one map covers whole needs no herding and is left to the kernel, and so are chunks
 * until one continues another: small files would only cost page tables if each had a window. And
 * until a program maps a part of a file that is not its beginning, its file maps are not looked
 * at: no system call is made for them.
 */
#ifndef MAPHERD_PLACEMENT_H
#define MAPHERD_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/request.h"

struct region;

/* Off: placement_map declines everything. */
void placement_switch(bool on);

/* mlockall(MCL_FUTURE) is in force: no map is made from a master, which is not locked. */
void placement_locks_future(bool on);

/* Not an address and not an error: the caller maps it as the program asked. */
#define PLACEMENT_DECLINED 1L

/*
 * Maps the request in its file's window and enters it in the model; returns its address, or
 * PLACEMENT_DECLINED with nothing done. Adds to the count what it added. Takes the model lock; its
 * own system calls while it holds it are about maps that it has just made, on local filesystems,
 * of which the caller holds a descriptor: they do no I/O.
 *
 * Declined with q->lone set, the caller maps it and calls placement_remember.
 */
long placement_map(struct map_request *q);

/* r is the request, mapped where the kernel has put it: so that a later chunk can be seen to
 * continue it. Model lock held. */
void placement_remember(const struct map_request *q, struct region *r);

/* The program used flock on this descriptor: its file's opens are told apart from here on. */
void placement_flocked(int fd);

/* A master must not be locked, or what is made from it would be: before mlockall(MCL_CURRENT). The
 * caller then unmaps them (masters_take_retired). Takes the model lock. */
void placement_retire_masters(void);

#endif
