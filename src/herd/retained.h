/*
 * retained: ranges that the program has unmapped, or never mapped, and that are still part of a
 * VMA.
 *
 * For the program a retained range is free. Every page of it carries a guard marker
 * (kernel/markers.h), so an access faults as it does where nothing is mapped. Before a call of the
 * program that names such a range reaches the kernel, the range is unmapped (retained_vacate).
 *
 * The model (space/regions.h) is no proof that a range is still retained: a raw system call, or a
 * fork that ran no handlers, may have put other memory there. The kernel is therefore asked before
 * a range is unmapped. Markers are the proof: the library installed them when the program gave the
 * range up, the kernel maps nothing else there while it is mapped, and memory that replaces it has
 * none. A range that is not marked from end to end stays as it is and leaves the model. One gap
 * remains: between the question and munmap, a raw system call of another thread may replace memory
 * that the program has given up. A signal handler cannot, because signals are blocked then.
 */
#ifndef MAPHERD_RETAINED_H
#define MAPHERD_RETAINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/regions.h"

/*
 * While a retained range is out of the model and not yet unmapped, no other memory may come to its
 * address. retained_enter blocks all signals but those of faults and takes retained_lock;
 * retained_leave(entered) undoes both. A function that unmaps or replaces a range which may have
 * retained parts calls them around the step that takes the range out of the model, or around more.
 *
 * retained_enter does nothing and returns false where nothing was ever retained, or where the
 * calling thread owns retained_lock or the model lock: then a handler of a fault has interrupted
 * the owner. retained_lock comes before the model lock, which the caller must not hold. Both
 * functions are thread- and async-signal-safe.
 */
bool retained_enter(void);
void retained_leave(bool entered);

/*
 * Returns true if len more bytes may be retained: the page tables of all retained ranges may take a
 * 64th of the machine's memory, one page of them for each 2 MiB. Needs no lock; thread- and
 * async-signal-safe.
 */
bool retained_room(size_t len);

enum retained_outcome {
    RETAINED_GONE,    /* it is unmapped; or it was not proven, and has left the model */
    RETAINED_REFUSED, /* the map limit allows no split: it is in the model again */
    RETAINED_NONE,    /* there was none, or this thread owns the model lock */
};

/*
 * Proves that r is retained, and unmaps it. r was cut out of the model (regions_cut) and is freed
 * or put back. Must be called between retained_enter and retained_leave; takes the model lock.
 */
enum retained_outcome retained_give(struct region *r);

/*
 * Unmaps what is retained in [start, end), because a call of the program names that range. Returns
 * false if something stays because the map limit does not allow the split. Takes retained_lock and
 * the model lock. Makes no system call where nothing was ever retained. Thread- and
 * async-signal-safe.
 */
bool retained_vacate(uintptr_t start, uintptr_t end);

/* Frees retained_lock in a forked child. */
void retained_after_fork(void);

#endif
