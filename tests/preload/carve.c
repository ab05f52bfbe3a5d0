/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * carve: pages are mapped over parts of a larger mapping, which makes two VMAs more of each, while
 * the library reads the list of VMAs; then files are mapped until one is refused.
 *
 *   carve FILE NEAR MARK BURST FULL
 *
 * Files are mapped up to NEAR VMAs, and on until the library is about to read the list at MARK.
 * Another thread then carves BURST pages. FULL is more than will be granted. Prints the error, and
 * the number of VMAs: "errno ERRNO vmas V".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "look.h"
#include "mapherd/mapherd.h"

#define PAGE 4096L
#define AREA ((char *)0x100000000000) /* the list begins with it: a scan has passed it at once */

static atomic_bool go;
static long burst;

static void *carve(void *unused)
{
    (void)unused;
    while (!go)
        ;
    for (long i = 0; i < burst; i++)
        if (mmap(AREA + (2 * i + 1) * PAGE, PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            die("carve: %s", strerror(errno));
    return NULL;
}

static bool map(int fd)
{
    return mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED;
}

int main(int argc, char **argv)
{
    if (argc != 6 || !mapherd_status)
        die("usage: carve FILE NEAR MARK BURST FULL, with the library");
    long near = atol(argv[2]), mark = atol(argv[3]), full = atol(argv[5]);
    burst = atol(argv[4]);
    int fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, PAGE))
        die("%s: %s", argv[1], strerror(errno));
    if (mmap(AREA, (size_t)(2 * burst + 4) * PAGE, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != AREA)
        die("area: %s", strerror(errno));
    for (long n = near - look(NULL).maps; n > 0; n--)
        if (!map(fd))
            die("refused below %ld VMAs", near);
    pthread_t thread;
    if (pthread_create(&thread, NULL, carve, NULL))
        die("pthread_create");
    while (mapherd_status()->bound < mark - 1)
        if (!map(fd))
            die("refused below %ld VMAs", mark);
    go = true;
    map(fd);
    pthread_join(thread, NULL);
    long n = 0;
    while (n < full && map(fd))
        n++;
    printf("errno %d vmas %ld\n", n < full ? errno : 0, look(NULL).maps);
    return 0;
}
