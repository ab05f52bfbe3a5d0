/*
 * high: see high.h.
 */
#define _GNU_SOURCE
#include "kernel/high.h"

#include <fcntl.h>

#include "kernel/sys.h"

long high_open(const char *path, int flags, unsigned mode)
{
    return high_move(sys_open(path, flags, mode));
}

long high_move(long fd)
{
    enum { HIGH = 512 };
    if (fd < 0 || fd >= HIGH)
        return fd;
    long high = sys_fcntl((int)fd, F_DUPFD_CLOEXEC, HIGH);
    if (high < 0)
        return fd;
    sys_close((int)fd);
    return high;
}
