/*
 * retention: what is kept mapped, so that nothing is torn.
 *
 * Unmapping the middle of a VMA makes two of one. Under pressure, between the chunks of a file, the
 * range is held instead (herd/retained.h): it is given guard markers in one step with the dropping of its
 * pages, so that an access faults as it would alone. The gaps between chunks are mapped for the same
 * end, and are held from the beginning. And where the kernel refuses an munmap at the limit, for the
 * VMA that it would add, the range is held wherever it lies.
 *
 * Whether a range splits a VMA is asked of the kernel (space/merge.h), never taken from the model. A
 * held range that spares no split any more is given back. Without markers for mappings of files
 * (Linux 6.15), or in memory that takes none (locked, huge pages, devices), nothing is held, and
 * munmap does and says what it does alone.
 */
#ifndef MAPHERD_RETENTION_H
#define MAPHERD_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "space/regions.h"
#include "space/request.h"

/*
 * The program's munmap of a live range, in a window that is filled: holds it if that spares a split.
 * True: the munmap is done. False: nothing was done that munmap would not do. No lock held.
 */
bool retention_retain(uintptr_t start, uintptr_t end);

/*
 * The request has been mapped at [start, end), in a window that is filled: maps the gaps to its
 * neighbours, and holds them, where the kernel then makes one VMA of all. At no moment is a gap
 * accessible. No lock held. Up to eight calls to the kernel.
 */
void retention_fill(const struct map_request *q, uintptr_t start, uintptr_t end);

/*
 * munmap of the range failed at the limit; chain is what the model had there. True: the range is held,
 * with what the model did not know of it, and chain is used up. False: nothing was done.
 */
bool retention_retain_refused(struct region *chain, uintptr_t start, uintptr_t end);

/* The range has changed or gone. What is held there or beside it and spares no split any more is given
 * back. Without the lock; cheap where nothing is held. */
void retention_tidy(uintptr_t start, uintptr_t end);

/* Gives some of what is held outside windows back to the kernel, once the pressure is low. Without the
 * lock; cheap where nothing is held. */
void retention_settle(void);

/*
 * The kernel has answered a call for memory. What is held may be why it refused: it counts against a limit on the
 * address space that another process, or a call that no hook saw, has set since; and against the limit on locked
 * memory, where such a call has locked all maps. Then all is given back. True: the call is to be made again,
 * because less is held now.
 * Without the lock; cheap where nothing is held.
 */
bool retention_makes_room(long answer);

/* All of it, in windows too, before what would touch every map (mlockall), or before nobody can give it
 * back any more. */
void retention_give_all_back(void);

#endif
