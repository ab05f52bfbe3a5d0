/*
 * writers: see writers.h.
 *
 * /proc does not show the processes of other users and namespaces. But the kernel gives a lease for
 * reading only on a file that no process has open for writing (fcntl(2)). The lease is given back
 * at once. A process that opens the file for writing in between waits that long, and the kernel
 * sends SIGIO to this one.
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
