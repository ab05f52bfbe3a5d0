/*
 * held: what the program has unmapped, or never mapped, and is still part of a VMA.
 *
 * To the program a held range is free: every access faults there as it would alone, because every
 * page of it carries a guard marker (kernel/markers.h). A call that names it finds it free as well: it
 * is given back to the kernel first (retained_vacate), and then the kernel answers.
 *
 * The model's word is no proof that a range is still held: a raw call, or a fork without it, may have
 * changed what lies there, and somebody else's memory may have come to that address. So the kernel is
 * asked before it is unmapped. Markers prove that it is ours: they were put there when the program gave
 * the range up, nobody maps anything there while it is mapped, and whatever takes its place has none.
 * What is not marked from end to end is left alone, and forgotten. What could still come between the
 * question and munmap is a raw call of another thread (no signal's handler: see retained_enter) that replaces
 * memory which the program has given up.
 */
#ifndef MAPHERD_RETAINED_H
#define MAPHERD_RETAINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/regions.h"

/*
 * While a held range is taken out of the model and unmapped, its address must not be given to anybody:
 * who unmaps or replaces a range that may have held parts stands between retained_enter and retained_leave at
 * least while it takes that range out of the model. Signals are blocked there, but those of faults: a handler
 * that puts memory in the place of what is being given back would lose it. False: nothing was ever held, or
 * the caller is a handler of a fault that interrupted a thread in here. Taken before the model lock, which is
 * not held.
 */
bool retained_enter(void);
void retained_leave(bool entered);

/*
 * len more bytes may be held. Each 2 MiB of them can cost a page of page tables; all together may cost a
 * 64th of the machine's memory.
 */
bool retained_room(size_t len);

enum retained_outcome { RETAINED_GONE, RETAINED_REFUSED, RETAINED_NONE };

/*
 * Proves and unmaps one held range, which was cut out of the model (regions_cut), between retained_enter and
 * retained_leave, without the model lock. RETAINED_REFUSED: the kernel does not allow its split, it is in the
 * model again. What cannot be proven is forgotten: RETAINED_GONE.
 */
enum retained_outcome retained_give(struct region *r);

/*
 * A call of the program is about the range: gives back what is held in it. False: something stays,
 * because the map limit does not allow the split. No lock held. Cheap where nothing is held.
 */
bool retained_vacate(uintptr_t start, uintptr_t end);

/* In a forked child. */
void retained_after_fork(void);

#endif
