/*
 * spill: stores for which the disk has no space live in the spill file until it has.
 *
 * A page of the spill file (disk/spillfile.h), with what the page held, is mapped over the file's
 * page; what is near it comes along, in growing runs, so that the number of maps stays small.
 * While a run is switched, in or out, a map without pages lies over it: every access of another
 * thread faults and waits in the handler for overlay_lock, so no store falls between the copy and
 * the switch. A system call that touches such a page in that moment says EFAULT.
 *
 * All but spill_forked take overlay_lock, if the caller does not hold it: see each.
 */
#ifndef MAPHERD_SPILL_POLICY_H
#define MAPHERD_SPILL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/overlays.h"
#include "space/request.h"

/* A store to p failed for lack of space. 0: the page takes stores now; -EAGAIN: try the instruction
 * again; else nothing has changed, and why alone: the user says that the file is
 * this process's alone; otherwise the kernel has to prove it. Overlay lock held: called from the handler. */
long spill_store(const struct fault_page *p, const char *program, bool alone);

/* Why it did not, in words; and the spill file, or where one would be made. Overlay lock held. */
const char *spill_why(long error);
const char *spill_path(void);

/* Tries to write everything back of the files that have spilled pages in the range, and to put
 * the file's own map there again. 0; or the error (positive) as long as it cannot be done. Cheap
 * where nothing was spilled. */
int spill_return(uintptr_t start, uintptr_t end);

/* Tries it for all there is, once a second at most: for calls that are about something else. */
void spill_settle(void);

/* The same for all there is; at exit. What cannot go back is said in the log. */
void spill_end(void);

/* The process is about to become another program: spill_end, and what cannot go back is for mapherd recover from
 * here on. spill_stay: it has stayed what it was. */
bool spill_leave(void);
void spill_stay(void);

/* Gives the leases back, and takes no signal any more: from here on the library makes no calls. Who opens a
 * file sees it without what is still spilled. */
void spill_hold_nobody_up(void);

/*
 * After spill_hold_nobody_up: the error of what stays spilled in the range, or 0; and the range is the program's for
 * something else. Neither makes a system call; both cost a load where nothing stays.
 */
int spill_abandoned(uintptr_t start, uintptr_t end);
void spill_forget_abandoned(uintptr_t start, uintptr_t end);

/* A map was made there: its open file is kept, if the file may want for space (keeps.h), and what it shows of
 * spilled pages comes from the spill file. */
void spill_mapped(uintptr_t start, uintptr_t end, struct map_request *q);

/* The same for one that was moved there, or grew. */
void spill_moved(uintptr_t start, uintptr_t end);

/* The file behind fd is size bytes long from now on: what was stored behind that is gone. */
void spill_trim(int fd, uint64_t size);

/* After fork, in the child and in the parent. Overlay lock held, or nobody else there. */
void spill_forked(bool child);

#endif
