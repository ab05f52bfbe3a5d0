/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * A file's life is what it was without mapherd: locks go when the program lets go, seals hold, a
 * file that is gone is gone, and one that is made anew is another.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "look.h"
#include "trap.h"

static bool take(int fd, bool ofd)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    return ofd ? fcntl(fd, F_OFD_SETLK, &whole) == 0 : flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool takes_flock(struct trap *t)
{
    return take(trap_open(t->path, O_RDWR), false);
}

static bool takes_ofd(struct trap *t)
{
    return take(trap_open(t->path, O_RDWR), true);
}

/*
 * The lock belongs to the first open(), and goes with its last descriptor and its last map. The
 * second open()'s chunk lies beside, and must not keep it.
 */
static void lock_goes(struct trap *t, bool ofd, bool lock_first)
{
    bool (*other)(struct trap * t) = ofd ? takes_ofd : takes_flock;
    int first = trap_open(t->path, O_RDWR), second = trap_open(t->path, O_RDWR);
    CHECK(!lock_first || take(first, ofd));
    char *a = map_chunk(first, 0), *b = map_chunk(second, 1);
    char *more = map_chunk(second, 3), *between = map_chunk(second, 2);
    note_beside(b, between);
    CHECK(lock_first || take(first, ofd));
    CHECK(!in_child(other, t));
    close(first);
    note_fact(in_child(other, t)); /* the map holds the lock still, but not on overlayfs */
    unmap(a, CHUNK);
    CHECK(in_child(other, t));
    expect_chunk(b, 1);
    expect_chunk(between, 2);
    expect_chunk(more, 3);
    close(second);
}

static void flock_first(struct trap *t)
{
    lock_goes(t, false, true);
}

static void flock_later(struct trap *t)
{
    lock_goes(t, false, false);
}

static void ofd_lock_first(struct trap *t)
{
    lock_goes(t, true, true);
}

static void ofd_lock_later(struct trap *t)
{
    lock_goes(t, true, false);
}

static bool takes_record_lock(struct trap *t)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    return fcntl(trap_open(t->path, O_RDWR), F_SETLK, &whole) == 0;
}

/* A process loses its record locks when any descriptor of the file is closed: only the program may
 * close one. */
static void record_lock(struct trap *t)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    CHECK(fcntl(t->fd, F_SETLK, &whole) == 0);
    char *a = map_chunk(t->fd, 0), *c = map_chunk(t->fd, 2), *b = map_chunk(t->fd, 1);
    note_beside(a, b);
    unmap(a, CHUNK);
    a = map_chunk(t->fd, 0);
    CHECK(!in_child(takes_record_lock, t));
    unmap(a, CHUNK);
    unmap(b, CHUNK);
    unmap(c, CHUNK);
    CHECK(!in_child(takes_record_lock, t));
}

/* Seals are kept by the file, not by the map; one of them waits for the last writable map. */
static void sealed(struct trap *t)
{
    (void)t;
    int fd = memfd_create("mapherd-trap", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    CHECK(fd >= 0);
    trap_fill(fd);
    unherd();
    herd(fd);
    char *a = map_chunk(fd, 0), *c = map_chunk(fd, 2), *b = map_chunk(fd, 1);
    note_beside(a, b);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY);
    unherd();
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
    CHECK(mmap(NULL, CHUNK, RW, MAP_SHARED, fd, 3 * CHUNK) == MAP_FAILED && errno == EPERM);
    char *d = map_part(PROT_READ, MAP_SHARED, fd, 3 * CHUNK, CHUNK);
    CHECK(mprotect(d, CHUNK, RW) == -1 && errno == EACCES);
    poke(b, 1);
    CHECK(peek(b) == 1);
    expect_chunk(d, 3);
    unmap(a, CHUNK);
    unmap(b, CHUNK);
    unmap(c, CHUNK);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
    expect_chunk(map_part(PROT_READ, MAP_SHARED, fd, 2 * CHUNK, CHUNK), 2);
}

/* Cut and grown again: zeros come, also in chunks that were mapped all the while. */
static void truncated(struct trap *t)
{
    char *a = map_chunk(t->fd, 0), *b = map_chunk(t->fd, 1);
    note_beside(a, b);
    CHECK(ftruncate(t->fd, CHUNK) == 0);
    char *beyond = map_chunk(t->fd, 2);
    CHECK(ftruncate(t->fd, 4 * CHUNK) == 0);
    CHECK(peek(b) == 0 && peek(beyond) == 0);
    poke(b, 1);
    poke(beyond, 2);
    char *again = map_chunk(t->fd, 1), *last = map_chunk(t->fd, 3);
    CHECK(peek(again) == 1 && peek(last) == 0);
    CHECK(ftruncate(t->fd, 0) == 0);
    trap_fill(t->fd);
    expect_chunk(a, 0);
    expect_chunk(b, 1);
    expect_chunk(beyond, 2);
    expect_chunk(last, 3);
}

/* Deleted and made anew between chunks; the new file may even get the old one's inode. */
static void recreated(struct trap *t)
{
    char deleted[4200];
    snprintf(deleted, sizeof deleted, "%s (deleted)", t->path);
    unherd();
    for (int round = 0; round < 3; round++) {
        herd(t->fd);
        char *a = map_chunk(t->fd, 0), *c = map_chunk(t->fd, 2), *b = map_chunk(t->fd, 1);
        poke(a, 100);
        poke(b, 101);
        note_beside(a, b);
        CHECK(unlink(t->path) == 0);
        int fresh = trap_open(t->path, O_RDWR | O_CREAT | O_EXCL);
        trap_fill(fresh);
        char *new_b = map_chunk(fresh, 1), *new_d = map_chunk(fresh, 3);
        char *old_d = map_chunk(t->fd, 3);
        poke(old_d, 103);
        expect_chunk(new_b, 1);
        expect_chunk(new_d, 3);
        CHECK(peek(a) == 100 && peek(b) == 101);
        unmap(a, CHUNK);
        unmap(b, CHUNK);
        unmap(c, CHUNK);
        unmap(old_d, CHUNK);
        unherd();
        close(t->fd);
        CHECK(look(deleted).of_file == 0); /* nothing keeps its space on the disk */
        unmap(new_b, CHUNK);
        unmap(new_d, CHUNK);
        CHECK(look(t->path).of_file == 0);
        /* Nobody holds the file now: its inode is free for the next one. */
        close(fresh);
        CHECK(unlink(t->path) == 0);
        t->fd = trap_open(t->path, O_RDWR | O_CREAT | O_EXCL);
        trap_fill(t->fd);
    }
}

static char *parents_first, *parents_second;

static bool child_maps(struct trap *t)
{
    char *second = map_chunk(t->fd, 2), *third = map_chunk(t->fd, 3);
    expect_chunk(second, 2);
    poke(third + PAGE, 9);
    unmap(parents_first, CHUNK);
    char *first = map_chunk(t->fd, 0);
    expect_chunk(first, 0);
    expect_chunk(parents_second, 1);
    return true;
}

static bool child_forks(struct trap *t)
{
    return child_maps(t) && in_child(child_maps, t);
}

static void forked(struct trap *t)
{
    parents_first = map_chunk(t->fd, 0);
    parents_second = map_chunk(t->fd, 1);
    note_beside(parents_first, parents_second);
    CHECK(in_child(child_maps, t));
    char *third = map_chunk(t->fd, 3), *second = map_chunk(t->fd, 2);
    CHECK(peek(third + PAGE) == 9);
    poke(third + PAGE, page_number(3 * CHUNK + PAGE));
    CHECK(in_child(child_forks, t));
    expect_chunk(parents_first, 0);
    expect_chunk(parents_second, 1);
    expect_chunk(second, 2);
    CHECK(peek(third + PAGE) == 9);
}

const struct trap_case trap_files[] = {
    { "flock_first", flock_first },
    { "flock_later", flock_later },
    { "ofd_lock_first", ofd_lock_first },
    { "ofd_lock_later", ofd_lock_later },
    { "record_lock", record_lock },
    { "sealed", sealed },
    { "truncated", truncated },
    { "recreated", recreated },
    { "forked", forked },
    { NULL, NULL },
};
