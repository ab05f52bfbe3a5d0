/*
 * writers: whether another process has a file open for writing, or mapped for it.
 */
#ifndef MAPHERD_WRITERS_H
#define MAPHERD_WRITERS_H

#include <stdbool.h>

/* fd: open on the file for reading only. Processes of all namespaces count. False also where the
 * kernel does not tell: on network filesystems, and for files of another user. */
bool writers_has(int fd);

#endif
