/*
 * writers: whether somebody else has a file open for writing, or mapped so.
 */
#ifndef MAPHERD_WRITERS_H
#define MAPHERD_WRITERS_H

#include <stdbool.h>

/* fd: open for reading only. Processes of all namespaces count. False also where it cannot be told:
 * on network filesystems, and of files that are another user's. */
bool writers_has(int fd);

#endif
