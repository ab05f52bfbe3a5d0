/*
 * mappers: the processes that have a file mapped, as far as /proc shows them.
 *
 * An open file may be given to another program: as a descriptor that it inherits from who starts it, or over a
 * socket. What it maps then is no open of its own, which a lease would tell of, and no fork.
 */
#ifndef MAPHERD_MAPPERS_H
#define MAPHERD_MAPPERS_H

#include <stdint.h>

/* 1 if that process has a map of the file, as the list of maps shows it; 0; or -errno where its list cannot be
 * read. Overlay lock held, for both. */
long mappers_has(long pid, uint64_t dev, uint64_t ino);

/* Another process that is seen to have one; 0: none. What shares this one's memory, a vfork child, is not another.
 * Reads the lists of all processes, which takes milliseconds. */
long mappers_other(uint64_t dev, uint64_t ino);

#endif
