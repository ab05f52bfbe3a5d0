/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * What the program said of one chunk (protection, advice, locks in memory) does not reach the next
 * one, which is mapped beside it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "look.h"
#include "trap.h"

static void advice(struct trap *t)
{
    static const struct {
        int advice;
        const char *flag;
    } said[] = {
        { MADV_DONTFORK, "dc" },
        { MADV_DONTDUMP, "dd" },
        { MADV_RANDOM, "rr" },
        { MADV_SEQUENTIAL, "sr" },
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        const char *flag = said[i].flag;
        char *a = map_chunk(t->fd, 1);
        CHECK(madvise(a, CHUNK, said[i].advice) == 0);
        char *b = map_chunk(t->fd, 2);
        CHECK(look_flag(a, flag) && !look_flag(b, flag));
        note_beside(a, b);
        CHECK(madvise(b + PAGE, PAGE, said[i].advice) == 0);
        char *c = map_chunk(t->fd, 3), *before = map_chunk(t->fd, 0);
        CHECK(!look_flag(c, flag) && !look_flag(before, flag));
        CHECK(look_flag(b + PAGE, flag) && !look_flag(b + 2 * PAGE, flag));
        unmap(a, CHUNK);
        a = map_chunk(t->fd, 1);
        CHECK(!look_flag(a, flag)); /* the part is mapped anew: what was said of it is gone */
        unmap(a, CHUNK);
        unmap(b, CHUNK);
        unmap(c, CHUNK);
        unmap(before, CHUNK);
    }
}

static void map_flags(struct trap *t)
{
    static const struct {
        int flags;
        const char *flag;
    } given[] = {
        { MAP_SHARED | MAP_LOCKED, "lo" },
        { MAP_PRIVATE | MAP_NORESERVE, "nr" },
        { MAP_PRIVATE | MAP_LOCKED, "lo" },
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        int plain = given[i].flags & (MAP_SHARED | MAP_PRIVATE);
        char *a = map_part(RW, given[i].flags, t->fd, 0, CHUNK);
        bool has = look_flag(a, given[i].flag); /* not where overcommit is forbidden */
        char *b = map_part(RW, plain, t->fd, CHUNK, CHUNK);
        char *c = map_part(RW, plain, t->fd, 2 * CHUNK, CHUNK);
        char *d = map_part(RW, given[i].flags, t->fd, 3 * CHUNK, CHUNK);
        CHECK(!look_flag(b, given[i].flag) && !look_flag(c, given[i].flag));
        CHECK(look_flag(d, given[i].flag) == has);
        note_beside(b, c);
        unmap(a, CHUNK);
        unmap(b, CHUNK);
        unmap(c, CHUNK);
        unmap(d, CHUNK);
    }
}

static void protection(struct trap *t)
{
    char *a = map_part(PROT_READ, MAP_SHARED, t->fd, 0, CHUNK);
    char *b = map_chunk(t->fd, 1);
    CHECK(mprotect(b, CHUNK, PROT_READ) == 0);
    char *c = map_chunk(t->fd, 2);
    char *d = map_part(PROT_NONE, MAP_SHARED, t->fd, 3 * CHUNK, CHUNK);
    char *e = map_chunk(t->fd, 4);
    note_beside(b, c);
    CHECK(strcmp(look_place(a).letters, "r--s") == 0);
    CHECK(strcmp(look_place(b).letters, "r--s") == 0);
    CHECK(strcmp(look_place(c).letters, "rw-s") == 0);
    CHECK(strcmp(look_place(d).letters, "---s") == 0);
    CHECK(strcmp(look_place(e).letters, "rw-s") == 0);
    CHECK(mprotect(a, CHUNK, RW) == 0); /* it was mapped through a descriptor that may write */
    poke(a, 1);
    poke(c, 2);
    CHECK(peek(a) == 1 && peek(c) == 2);
    expect_chunk(b, 1);
}

static void locked(struct trap *t)
{
    char *a = map_chunk(t->fd, 0);
    CHECK(mlock(a, CHUNK) == 0);
    char *b = map_chunk(t->fd, 1);
    CHECK(look_flag(a, "lo") && !look_flag(b, "lo"));
    note_beside(a, b);
    CHECK(munlock(a, CHUNK) == 0);
    CHECK(!look_flag(a, "lo"));
    CHECK(mlock2(b, CHUNK, MLOCK_ONFAULT) == 0);
    char *c = map_chunk(t->fd, 2);
    CHECK(look_flag(b, "lo") && !look_flag(c, "lo"));
    if (mlockall(MCL_FUTURE) != 0) {
        CHECK(errno == ENOMEM || errno == EPERM);
        return;
    }
    char *d = map_chunk(t->fd, 3), *e = map_chunk(t->fd, 4);
    CHECK(look_flag(d, "lo") && look_flag(e, "lo"));
    CHECK(munlockall() == 0);
    char *f = map_chunk(t->fd, 5);
    CHECK(!look_flag(d, "lo") && !look_flag(f, "lo"));
}

/* What a descriptor may not do, a map made through it may not do either, whatever lies beside. */
static void access_modes(struct trap *t)
{
    int reader = trap_open(t->path, O_RDONLY);
    char *a = map_part(PROT_READ, MAP_SHARED, reader, 0, CHUNK);
    char *b = map_chunk(t->fd, 1);
    char *c = map_part(PROT_READ, MAP_SHARED, reader, 2 * CHUNK, CHUNK);
    char *d = map_part(PROT_READ, MAP_SHARED, t->fd, 3 * CHUNK, CHUNK);
    char *e = map_part(PROT_READ, MAP_SHARED, reader, 4 * CHUNK, CHUNK);
    char *f = map_part(PROT_READ, MAP_SHARED, reader, 5 * CHUNK, CHUNK);
    note_beside(e, f);
    poke(b, 1);
    CHECK(mprotect(a, CHUNK, RW) == -1 && errno == EACCES);
    CHECK(mprotect(c, CHUNK, RW) == -1 && errno == EACCES);
    CHECK(mprotect(e, CHUNK, RW) == -1 && errno == EACCES);
    CHECK(mprotect(d, CHUNK, RW) == 0);
    poke(d, 2);
    CHECK(peek(d) == 2);
    CHECK(mmap(NULL, CHUNK, RW, MAP_SHARED, reader, 6 * CHUNK) == MAP_FAILED && errno == EACCES);
    char *own = map_part(RW, MAP_PRIVATE, reader, 6 * CHUNK, CHUNK);
    poke(own, 3);
    expect_chunk(map_chunk(t->fd, 6), 6);
}

const struct trap_case trap_flags[] = {
    { "advice", advice }, { "map_flags", map_flags },       { "protection", protection },
    { "locked", locked }, { "access_modes", access_modes }, { NULL, NULL },
};
