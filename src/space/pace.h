/*
 * pace: how many maps a minute the process gains, for `mapherd ps`.
 */
#ifndef MAPHERD_PACE_H
#define MAPHERD_PACE_H

#define PACE_CALLS 256 /* call pace_note after every so many calls, not after each */

/* The process has about that many maps now. Sets pace and pace_ms of the status block, by what
 * there was one to two minutes ago. Model lock held. */
void pace_note(long maps);

/* The count has been made exact: what was too much in it was no growth. Model lock held. */
void pace_exact(long maps);

#endif
