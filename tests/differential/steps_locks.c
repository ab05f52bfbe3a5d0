/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* How long a lock lives: a flock belongs to an open file, which lives as long as its last map. */
#define _GNU_SOURCE
#include "driver.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHUNKS = 3, CHUNK = 2 /* pages */ };

static void *map_chunk(int fd, unsigned n)
{
    void *at = way->mmap(NULL, CHUNK * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                         (off_t)(n * CHUNK * page));
    if (at == MAP_FAILED) {
        perror("diff-driver: cannot map");
        exit(6);
    }
    return at;
}

/* As another program would see it. */
static void ask(const char *when, const char *file)
{
    int fd = openat(fd_folder, file, O_RDONLY);
    say(" %s %d", when, flock(fd, LOCK_EX | LOCK_NB));
    close(fd);
}

/* A file of its own is mapped through one open(), locked, and mapped through another; then the
 * first is given up, piece by piece. */
void step_lock_life(void)
{
    static unsigned made;
    char file[32];
    if (differs
            .opens) /* by a call that it does not see, a library does not learn that a map went */
        ways_by_name();
    snprintf(file, sizeof file, "life%u", made++);
    int locked = openat(fd_folder, file, O_RDWR | O_CREAT | O_EXCL, 0600);
    int other = openat(fd_folder, file, O_RDWR);
    if (locked < 0 || other < 0 || ftruncate(locked, (off_t)(CHUNKS * CHUNK * page))) {
        perror("diff-driver: cannot make a file");
        exit(6);
    }
    handles_placing();
    unsigned last = pick(CHUNKS), early = percent(20);
    say("the life of a lock, chunk %u of another open", last);
    if (early)
        way->flock(locked, LOCK_EX);
    void *at[CHUNKS];
    bool ascending = percent(30);
    for (unsigned i = 0; i < CHUNKS; i++) {
        unsigned n = ascending ? i : CHUNKS - 1 - i;
        if (n != last)
            at[n] = map_chunk(locked, n);
    }
    if (!early)
        way->flock(locked, LOCK_EX);
    at[last] = map_chunk(other, last);
    ask("locked", file);
    close(locked);
    ask("closed", file);
    for (unsigned i = 0; i < CHUNKS; i++) {
        if (i == last)
            continue;
        way->munmap(at[i], CHUNK * page);
        ask("unmapped", file);
    }
    way->munmap(at[last], CHUNK * page);
    close(other);
    unlinkat(fd_folder, file, 0);
    say("\n");
}
