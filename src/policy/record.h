/*
 * record: the record of a process (mapherd/record.h): the count over time, the last events, who
 * holds most maps, and the mappings if they are wanted.
 *
 * It begins with the process's 64th mapping call, with its first warning, or at once with
 * MAPHERD_LEAKS=on: most processes have nothing to tell and cost nothing. One that ends in peace
 * removes it, unless MAPHERD_DIR asked for records or recorded mappings are left.
 */
#ifndef MAPHERD_POLICY_RECORD_H
#define MAPHERD_POLICY_RECORD_H

#include "mapherd/record.h"

/* What the next three return is to be done about the recording of mappings (leaks.h). */

/* Once, in the constructor, after recordfile_place: name is the program's. */
enum mapherd_record_wish record_start(const char *name);

/* At the end of every call, no lock held. Cheap where nothing is due. */
enum mapherd_record_wish record_tick(void);

/* Before a call whose mapping is to be recorded: the record is there if it can be. */
enum mapherd_record_wish record_before(void);

/* The process is about to end, and is not a vfork child. */
void record_end(void);

/* The program is about to sandbox itself: nothing is written from here on. */
void record_close(void);

void record_after_fork(void);

#endif
