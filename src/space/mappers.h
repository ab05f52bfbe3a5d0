/*
 * mappers: the processes that have a file mapped, as far as /proc shows them.
 *
 * A process may give an open file to another program: as an inherited descriptor, or over a socket.
 * The other program can then map the file without opening it, so a lease does not show it, and
 * without a fork. Both functions need the overlay lock.
 */
#ifndef MAPHERD_MAPPERS_H
#define MAPHERD_MAPPERS_H

#include <stdint.h>

/* Returns 1 if that process has a VMA of the file, with device and inode as /proc/PID/maps shows
 * them; 0 if it has none; or -errno where its list cannot be read. */
long mappers_has(long pid, uint64_t dev, uint64_t ino);

/* Returns the id of another process that has a VMA of the file; 0 if none is found. A process that
 * shares the memory of this one, such as a vfork child, does not count. Reads the lists of all
 * processes, which takes milliseconds. */
long mappers_other(uint64_t dev, uint64_t ino);

#endif
