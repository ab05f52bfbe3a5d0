/*
 * record: the record of a process (mapherd/record.h): the count over time, the last events, who
 * holds most maps, and the mappings if they are wanted.
 *
 * It begins with the process's 64th mapping call, with its first warning, or at once with
 * MAPHERD_LEAKS=on: most processes have nothing to tell and cost nothing. A process that ends by
 * exit, becomes another program, or gives up the user or the root that can remove the record, leaves
 * none, unless MAPHERD_DIR asked for records; with MAPHERD_LEAKS=on a record stays after exit where
 * 64 recorded mappings or more are left and the folder has room for it.
 */
#ifndef MAPHERD_POLICY_RECORD_H
#define MAPHERD_POLICY_RECORD_H

#include <stdbool.h>

#include "mapherd/record.h"

/* What the next three return is to be done about the recording of mappings (leaks.h). */

/* Once, in the constructor, after recordfile_place: name is the program's. */
enum mapherd_record_wanted record_start(const char *name);

/* At the end of every call, no lock held. Cheap where nothing is due. */
enum mapherd_record_wanted record_tick(void);

/* Before a call whose mapping is to be recorded: the record is there if it can be. */
enum mapherd_record_wanted record_before(void);

/*
 * The process is about to become another program, or another user or under another root: takes the
 * record's name away, unless MAPHERD_DIR asked for it. True where the process is to call
 * record_return if it goes on. False in a vfork child, in a handler that interrupted the record's own
 * change, and where there is no record. Async-signal-safe.
 */
bool record_leave(void);

/* The process has left the mounts that it began with: none is made from here on, unless MAPHERD_DIR asks for it. */
void record_forgo(void);

/* The call has failed, or has changed the user or the root: the record gets a name again, if the
 * process can make one now. Async-signal-safe; errno is left alone. */
void record_return(void);

/* The process is about to end, and is not a vfork child. */
void record_end(void);

/* The program is about to sandbox itself: nothing is written from here on. */
void record_close(void);

void record_after_fork(void);

#endif
