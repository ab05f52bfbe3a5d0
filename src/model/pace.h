/*
 * pace: how many maps a minute the process gains, for `mapherd ps`.
 */
#ifndef MAPHERD_PACE_H
#define MAPHERD_PACE_H

#define PACE_CALLS 256 /* call pace_note after every so many calls, not after each */

/* The process has about that many maps now. Sets pace and pace_ms of the status block, by what
 * there was one to two minutes ago. Model lock held. */
void pace_note(long maps);

/* The count has been made exact: what it was before is not to be compared with what comes. What
 * was told stands until there is something new. Model lock held. */
void pace_restart(void);

#endif
