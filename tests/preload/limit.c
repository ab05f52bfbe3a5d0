/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * limit: takes every map that it may have, and says what it sees on the way.
 *
 *   limit FOLDER WATCHED REFUSALS A B C
 *
 * First it maps three files in FOLDER in pieces that cannot merge: A of a, B of b, C of c.
 * Then come single pages without a file until a call is refused, and REFUSALS - 1 more. Each time
 * the file WATCHED has grown, it prints "seen N", the number of its maps; "refused N errno E" at
 * the end. WATCHED may be "-".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "look.h"

#define PAGE 4096L
#define LOOK_EVERY 64 /* calls */

static void map_with_gaps(const char *folder, const char *name, int pieces)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 2 * pieces * PAGE))
        die("cannot make %s", path);
    for (int i = 0; i < pieces; i++)
        if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * i * PAGE) == MAP_FAILED)
            die("mmap of %s: %s", name, strerror(errno));
    close(fd);
}

/* Two neighbours differ in protection, so that the kernel cannot merge them. */
static bool map_page(long n)
{
    int prot = n % 2 ? PROT_READ : PROT_NONE;
    return mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static off_t length(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : st.st_size;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("usage: limit FOLDER WATCHED REFUSALS A B C");
    map_with_gaps(argv[1], "a", atoi(argv[4]));
    map_with_gaps(argv[1], "b", atoi(argv[5]));
    map_with_gaps(argv[1], "c", atoi(argv[6]));
    printf("pid %ld\nlibrary %d\n", (long)getpid(), look(NULL).library);
    off_t watched = 0;
    long n = 0;
    while (map_page(n)) {
        if (++n % LOOK_EVERY || length(argv[2]) == watched)
            continue;
        watched = length(argv[2]);
        printf("seen %ld\n", look(NULL).maps);
    }
    int why = errno;
    for (int i = 1; i < atoi(argv[3]); i++)
        map_page(n);
    printf("refused %ld errno %d\n", look(NULL).maps, why);
    return 0;
}
