/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * left FILE FLAG: maps the whole file, shared, through an open with that flag: rdwr, dsync, wronly.
 *
 * Prints what mmap says (0 or errno), how many blocks the file has then, and its mode.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "look.h"

int main(int argc, char **argv)
{
    struct stat st;
    if (argc != 3)
        die("usage: left FILE rdwr|dsync|wronly");
    bool only = strcmp(argv[2], "wronly") == 0;
    int fd =
        open(argv[1], (only ? O_WRONLY : O_RDWR) | (strcmp(argv[2], "dsync") == 0 ? O_DSYNC : 0));
    if (fd < 0 || fstat(fd, &st) < 0)
        die("%s: %s", argv[1], strerror(errno));
    errno = 0;
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int error = at == MAP_FAILED ? errno : 0;
    if (fstat(fd, &st) < 0)
        die("%s: %s", argv[1], strerror(errno));
    printf("%d %ld %o\n", error, (long)st.st_blocks, st.st_mode & 07777);
    return 0;
}
