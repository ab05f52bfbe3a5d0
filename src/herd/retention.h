/*
 * retention: which ranges stay mapped so that no VMA is split.
 *
 * munmap of the middle of a VMA makes two of one. Three things retain a range (herd/retained.h)
 * instead. Each gives it guard markers and drops its pages in one step, so that an access faults.
 *
 *   - Under pressure, munmap between the chunks of a file retains the range.
 *   - Under pressure, the gaps between the chunks of a file are mapped and retained.
 *   - At the map limit, a munmap that the kernel refuses for the VMA that it would add retains the
 *     range, in any memory that takes markers.
 *
 * The kernel is asked whether a range splits a VMA (space/merge.h); the model does not decide it. A
 * retained range that no longer spares a split is given back. Nothing is retained, and munmap is
 * the kernel's alone, where the kernel has no markers for mappings of files (before Linux 6.15),
 * and in memory that takes none (locked memory, huge pages, devices).
 *
 * For all functions: the caller holds no lock, the function takes the model lock and, to give
 * something back, retained_lock before it. All are thread- and async-signal-safe.
 */
#ifndef MAPHERD_RETENTION_H
#define MAPHERD_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "space/regions.h"
#include "space/request.h"

/*
 * The program unmaps [start, end), which is mapped, under pressure. Retains the range if it lies in
 * one window and that spares a split, and returns true: munmap is done. Returns false if nothing
 * was done that munmap would not do.
 */
bool retention_retain(uintptr_t start, uintptr_t end);

/*
 * The request q has been mapped at [start, end), in a window, under pressure. Maps the gaps to its
 * neighbours and retains them, if the kernel then makes one VMA of all. No access goes through a
 * gap at any moment. Makes up to eight system calls.
 */
void retention_fill(const struct map_request *q, uintptr_t start, uintptr_t end);

/*
 * The kernel refused munmap of [start, end) at the map limit. Retains the range, including what the
 * model does not know of it, and returns true. Returns false if nothing was done.
 */
bool retention_retain_refused(uintptr_t start, uintptr_t end);

/* [start, end) was changed or unmapped. Gives back what is retained there, or beside it, and no
 * longer spares a split. Makes no system call where nothing is retained, and neither do the
 * functions below. */
void retention_tidy(uintptr_t start, uintptr_t end);

/* DUE_RETENTION (common/due.h): gives back at most 16 of the ranges that are retained outside
 * windows, if the pressure is below "high". */
bool retention_settle(void);

/*
 * The kernel has answered a call for memory with answer (an address, 0, or -errno). Retained ranges
 * may be why it refused: they count against a limit on the address space that another process or a
 * raw system call has set, and against the limit on locked memory after a raw mlockall. Gives back
 * all of them if that may be so. Returns true if less is retained now: the caller makes its call
 * again.
 */
bool retention_makes_room(long answer);

/* Gives back all retained ranges, those in windows too: before mlockall, which would lock them, and
 * before the library ceases to make calls. */
void retention_give_all_back(void);

#endif
