/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * Two live maps of the same part, and maps that differ in more than their place, stay apart.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "look.h"
#include "trap.h"

/* A JVM drops a buffer, maps the part again, and then collects the first one. */
static void dropped(struct trap *t)
{
    char *neighbour = map_chunk(t->fd, 0);
    char *first = map_chunk(t->fd, 1);
    note_beside(neighbour, first);
    char *second = map_chunk(t->fd, 1);
    CHECK(first != second);
    poke(second + PAGE, 42);
    unmap(first, CHUNK);
    CHECK(peek(second + PAGE) == 42);
    poke(second + PAGE, page_number(CHUNK + PAGE));
    expect_chunk(second, 1);
    expect_chunk(neighbour, 0);
    char *third = map_chunk(t->fd, 1);
    unmap(second, CHUNK);
    expect_chunk(third, 1);
}

#define LAYERS 5

static void unmap_in_order(struct trap *t, const int *order)
{
    char *layer[LAYERS];
    char *left = map_chunk(t->fd, 3), *right = map_chunk(t->fd, 4);
    note_beside(left, right);
    for (int i = 0; i < LAYERS; i++)
        layer[i] = map_chunk(t->fd, 4);
    for (int gone = 0; gone < LAYERS; gone++) {
        for (int i = gone; i < LAYERS; i++)
            expect_chunk(layer[order[i]], 4);
        unmap(layer[order[gone]], CHUNK);
    }
    expect_chunk(right, 4);
    expect_chunk(left, 3);
    unmap(right, CHUNK);
    unmap(left, CHUNK);
    CHECK(look(t->path).of_file == herd_maps());
}

/* All orders, by exchanging: each call leaves the order as it found it. */
static void all_orders(struct trap *t, int *order, int fixed)
{
    if (fixed == LAYERS) {
        unmap_in_order(t, order);
        return;
    }
    for (int i = fixed; i < LAYERS; i++) {
        int kept = order[fixed];
        order[fixed] = order[i];
        order[i] = kept;
        all_orders(t, order, fixed + 1);
        order[i] = order[fixed];
        order[fixed] = kept;
    }
}

static void layers(struct trap *t)
{
    int order[LAYERS] = { 0, 1, 2, 3, 4 };
    all_orders(t, order, 0);
}

static void overlapping(struct trap *t)
{
    static const struct {
        long from, parts;
    } part[] = {
        { 0, 3 }, { 1, 3 }, { 2, 1 }, { 0, 5 }, { 3, 2 }, { 2, 8 }, { 5, 1 },
    };
    enum { N = sizeof part / sizeof *part };
    char *at[N];
    for (int i = 0; i < N; i++)
        at[i] = map_part(RW, MAP_SHARED, t->fd, part[i].from * CHUNK, part[i].parts * CHUNK);
    note_beside(at[0] + 2 * CHUNK, at[4]);
    for (int gone = 0; gone < N; gone++) {
        for (int i = gone; i < N; i++)
            expect_pages(at[i], part[i].from * CHUNK, part[i].parts * CHUNK);
        unmap(at[gone], part[gone].parts * CHUNK);
    }
    CHECK(look(t->path).of_file == herd_maps());
}

/* A part of a chunk is unmapped and mapped again; what is left of the chunk stays. */
static void holes(struct trap *t)
{
    char *a = map_chunk(t->fd, 0), *b = map_chunk(t->fd, 1), *c = map_chunk(t->fd, 2);
    note_beside(a, b);
    unmap(b + 4 * PAGE, 2 * PAGE);
    char *page = map_part(RW, MAP_SHARED, t->fd, CHUNK + 4 * PAGE, 2 * PAGE);
    char *whole = map_chunk(t->fd, 1);
    expect_pages(page, CHUNK + 4 * PAGE, 2 * PAGE);
    expect_chunk(whole, 1);
    unmap(b, 4 * PAGE);
    unmap(whole, CHUNK);
    expect_pages(b + 6 * PAGE, CHUNK + 6 * PAGE, CHUNK - 6 * PAGE);
    expect_pages(page, CHUNK + 4 * PAGE, 2 * PAGE);
    expect_chunk(a, 0);
    expect_chunk(c, 2);
}

/* A JVM gives lengths that are no whole pages, to mmap and to munmap. */
static void odd_lengths(struct trap *t)
{
    long odd = CHUNK - 100;
    char *a = map_part(RW, MAP_SHARED, t->fd, 0, odd);
    char *b = map_part(RW, MAP_SHARED, t->fd, CHUNK, odd);
    char *c = map_part(RW, MAP_SHARED, t->fd, 2 * CHUNK, 10);
    note_beside(a, b);
    expect_chunk(a, 0);
    unmap(a, odd);
    CHECK(!is_mapped(a + CHUNK - PAGE));
    expect_chunk(b, 1);
    CHECK(!is_mapped(c + PAGE) || look_place(c + PAGE).offset != (uint64_t)(2 * CHUNK + PAGE));
    expect_pages(c, 2 * CHUNK, PAGE);
}

static void private_and_shared(struct trap *t)
{
    char *shared = map_chunk(t->fd, 0);
    char *private = map_part(RW, MAP_PRIVATE, t->fd, 0, CHUNK);
    char *next_shared = map_chunk(t->fd, 1);
    char *next_private = map_part(RW, MAP_PRIVATE, t->fd, CHUNK, CHUNK);
    note_beside(shared, next_shared);
    poke(private, 1);
    poke(next_private, 2);
    expect_chunk(shared, 0);
    expect_chunk(next_shared, 1);
    poke(next_shared + PAGE, 3);
    CHECK(peek(next_private + PAGE) == 3); /* not written to privately: the file's page */
    CHECK(peek(next_private) == 2 && peek(private) == 1);
    CHECK(strcmp(look_place(private).letters, "rw-p") == 0);
    CHECK(strcmp(look_place(next_shared).letters, "rw-s") == 0);
    unmap(shared, CHUNK);
    CHECK(peek(private) == 1 && peek(next_shared + PAGE) == 3);
}

/* The program puts something else over a part of what it mapped. */
static void fixed_over(struct trap *t)
{
    char *a = map_chunk(t->fd, 0), *b = map_chunk(t->fd, 1), *c = map_chunk(t->fd, 2);
    note_beside(a, b);
    char *mine = mmap(b, CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(mine == b);
    poke(mine, 7);
    char *again = map_chunk(t->fd, 1);
    CHECK(again != mine);
    expect_chunk(again, 1);
    CHECK(peek(mine) == 7);
    CHECK(mmap(c, PAGE, RW, MAP_SHARED | MAP_FIXED, t->fd, 9 * CHUNK) == c);
    expect_pages(c, 9 * CHUNK, PAGE);
    expect_pages(c + PAGE, 2 * CHUNK + PAGE, CHUNK - PAGE);
    unmap(mine, CHUNK);
    expect_chunk(again, 1);
    expect_chunk(a, 0);
}

/* An address that the program asks for, and that is free, is what it gets. */
static void hinted(struct trap *t)
{
    char *a = map_chunk(t->fd, 0), *b = map_chunk(t->fd, 1), *c = map_chunk(t->fd, 2);
    note_beside(a, b);
    unmap(b, CHUNK);
    CHECK(mmap(b, CHUNK, RW, MAP_SHARED, t->fd, 7 * CHUNK) == b);
    expect_chunk(b, 7);
    char *d = map_chunk(t->fd, 1);
    expect_chunk(d, 1);
    CHECK(mmap(d, CHUNK, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, t->fd, 0) == MAP_FAILED);
    CHECK(errno == EEXIST);
    unmap(c, CHUNK);
    CHECK(mmap(c, CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == c);
    CHECK(peek(c) == 0);
    expect_chunk(map_chunk(t->fd, 2), 2);
}

/* The program moves and grows a chunk that has a neighbour. */
static void moved(struct trap *t)
{
    char *a = map_chunk(t->fd, 0), *b = map_chunk(t->fd, 1);
    note_beside(a, b);
    char *grown = mremap(a, CHUNK, 2 * CHUNK, MREMAP_MAYMOVE);
    CHECK(grown != MAP_FAILED);
    poke(b + PAGE, 5);
    CHECK(peek(grown + CHUNK + PAGE) == 5);
    poke(b + PAGE, page_number(CHUNK + PAGE));
    expect_pages(grown, 0, 2 * CHUNK);
    unmap(grown, 2 * CHUNK);
    expect_chunk(b, 1);
    char *room = map_part(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, CHUNK);
    CHECK(mremap(b, CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
    char *again = map_chunk(t->fd, 1);
    unmap(again, CHUNK);
    expect_chunk(room, 1);
}

const struct trap_case trap_maps[] = {
    { "dropped", dropped },
    { "layers", layers },
    { "overlapping", overlapping },
    { "holes", holes },
    { "odd_lengths", odd_lengths },
    { "private_and_shared", private_and_shared },
    { "fixed_over", fixed_over },
    { "hinted", hinted },
    { "moved", moved },
    { NULL, NULL },
};
