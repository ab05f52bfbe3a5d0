/*
 * writers: whether somebody else has a file open for writing.
 *
 * /proc does not show the processes of other users and namespaces. The kernel knows: it gives a
 * lease for reading only on what nobody has open for writing (fcntl(2)). The lease is given back at
 * once; a writer that comes in between waits that long, and we would be told by SIGIO.
 */
#define _GNU_SOURCE
#include "command/lib/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

bool writers_has(int fd)
{
    signal(SIGIO, SIG_IGN);
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}
