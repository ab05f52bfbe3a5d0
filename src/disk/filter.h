/*
 * filter: does the seccomp filter of this process allow spilling?
 *
 * A filter may kill the process for a call that its author did not expect (systemd's
 * SystemCallFilter= does), and only the call itself shows that. So a child process makes the calls
 * first. It is made at a fault for want of space, or at the start with MAPHERD_SECCOMP=start: a
 * process that has space gets no such child. The filter is one that was in force when the process
 * was started. The functions but filter_ask_at_start are thread- and async-signal-safe.
 */
#ifndef MAPHERD_FILTER_H
#define MAPHERD_FILTER_H

#include <stdbool.h>

/* True if the process has a filter (PR_GET_SECCOMP of prctl(2), asked once). */
bool filter_is_there(void);

/* True if there is no filter, or a child has survived the calls of spilling. It says nothing of
 * other calls. */
bool filter_passes(void);

/* True if a child did not survive the calls of spilling, a call of it was refused, or it could not
 * be made. */
bool filter_refuses(void);

/*
 * Returns filter_passes(), by a child if that is not known yet; the first answer stays. The filter
 * may kill the process for the clone that makes the child. So it is made only where the fault ends
 * the process anyway (dies), or the process has threads, which were made by clone too; and not
 * where the child would be the first process of a namespace (unshare(2)). Writes a line to the log
 * before. Less than 1 KiB of stack. Overlay lock held.
 */
bool filter_ask(bool dies);

/* Makes the child in the constructor, as the user wants with MAPHERD_SECCOMP=start. */
void filter_ask_at_start(void);

#endif
