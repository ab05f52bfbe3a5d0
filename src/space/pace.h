/*
 * pace: how many VMAs a minute the process gains, for `mapherd ps`. Model lock held.
 */
#ifndef MAPHERD_PACE_H
#define MAPHERD_PACE_H

#define PACE_CALLS 256 /* call pace_note after every so many calls, not after each */

/* Notes that the process has about that many VMAs now, and sets pace and pace_ms of the status
 * block by the number of one to two minutes ago. */
void pace_note(long maps);

/* Notes a count that a scan has measured. What the upper bound had too much was no growth. */
void pace_measured(long maps);

#endif
