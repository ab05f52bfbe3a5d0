/*
 * family: the processes that were forked from one that keeps open files (keeps.h).
 *
 * A forked child has its parent's maps, and shares their open file: the kernel gives a lease with the
 * child there. But a page that one of the two gets from a spill file is not what the other sees. So each
 * member writes its process id into a page that all share, and who wants to know whether another one has
 * a file mapped reads the others' lists of maps.
 */
#ifndef MAPHERD_FAMILY_H
#define MAPHERD_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

/* Makes the page, at the first call. False: there is none. Thread-safe. */
bool family_start(void);

/* Around every fork: until the child has told its number, it is somewhere. False: without a page; then all that
 * is mapped is shared for good. */
bool family_before_fork(void);
void family_arrived(bool announced);

/* Another member has a map of the file, as the list of maps shows it, or may have; it, or 0 where it is not
 * known, in *who. Overlay lock held. */
bool family_shares(uint64_t dev, uint64_t ino, long *who);

#endif
