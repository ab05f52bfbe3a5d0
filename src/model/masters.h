/*
 * masters: one map of a whole file, from which chunks are made.
 *
 * mremap(old_size = 0) makes a second map of a shared map's file, at any of its offsets, without
 * a descriptor. Chunks made from one master are of one open file, so the kernel merges them, in
 * any order and on every filesystem. Model lock held.
 */
#ifndef MAPHERD_MASTERS_H
#define MAPHERD_MASTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/regions.h"

/* An open descriptor of the window's file, and what its maps are made with. */
struct source {
    int fd, prot, flags;
    uint64_t size; /* of the file */
};

/*
 * r lies beside alike neighbours, and the kernel did not merge them: makes r and these neighbours
 * anew from the window's master, which is mapped first if there is none. Only for shared maps of
 * files whose opens nothing can tell apart. A master costs a map and spares at least one.
 */
void masters_join(struct window *w, const struct source *s, struct region *r);

/*
 * After something in w was unmapped: its master is retired if the program's maps there, made by
 * as few calls as could be, would be no more than w's regions and the master are. The caller
 * buries it (windows_bury).
 */
void masters_review(struct window *w);

#endif
