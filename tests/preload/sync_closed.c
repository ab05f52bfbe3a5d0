/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sync_closed: a loop of msync over the buffers of a file whose descriptor is closed.
 *
 *     sync_closed FILE    prints: syncs widened by the library
 *
 * Another file has the descriptor's number meanwhile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mapherd/mapherd.h"

#define BUFFER 65536L
#define BUFFERS 64L
#define ROUNDS 100 /* one in which no sync comes 10 ms after the one before is enough */

int main(int argc, char **argv)
{
    static char *at[BUFFERS];
    int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
    if (fd < 0 || ftruncate(fd, BUFFER * BUFFERS) < 0)
        return 2;
    for (long n = 0; n < BUFFERS; n++) {
        at[n] = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, n * BUFFER);
        if (at[n] == MAP_FAILED)
            return 2;
    }
    int other = open("/dev/null", O_RDONLY);
    if (other < 0 || dup2(other, fd) < 0)
        return 2;
    const struct mapherd_status *s = mapherd_status ? mapherd_status() : NULL;
    if (!s)
        return 2;
    for (int round = 0; round < ROUNDS && !s->syncs_widened; round++)
        for (long n = 2; n < BUFFERS; n++)
            if (msync(at[n], BUFFER, MS_SYNC) < 0)
                return 1;
    printf("%lu\n", (unsigned long)s->syncs_widened);
    return 0;
}
