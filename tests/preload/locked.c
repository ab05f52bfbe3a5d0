/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * locked PID FILE...
 *
 * Ends with 0 if the process holds a POSIX lock (fcntl, Java's FileLock) on each of the files; names
 * those on which it holds none.
 */
#include <stdio.h>
#include <stdlib.h>

#include "locks.h"

int main(int argc, char **argv)
{
    int free = 0;

    for (int n = 2; n < argc; n++) {
        struct stat st;

        if (stat(argv[n], &st) < 0) {
            perror(argv[n]);
            return 2;
        }
        if (!holds_lock(atoi(argv[1]), &st, "POSIX")) {
            printf("%s is not locked\n", argv[n]);
            free++;
        }
    }
    return free != 0;
}
