/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * windows and files: the zone, what lies in it, and who lives how long.
 */
#include "tell/status.h"
#include "unit.h"

#include <string.h>

#include "space/regions.h"
#include "space/windows.h"
#include "space/zone.h"
#include "world.h"

#define GIB (1UL << 30)

/* The zone is two to five eighths of the address space, whatever its size. */
static void the_zone(void **state)
{
    (void)state;
    for (unsigned bits = 39; bits <= 48; bits++) {
        uintptr_t size = 1UL << bits;
        for (uint64_t seed = 0; seed < 50; seed++) {
            zone_start(size - 0x5000, seed);
            for (int i = 0; i < 200; i++) {
                uintptr_t base = zone_pick(GIB);
                assert_true(base >= size / 8 * 2 && base + GIB <= size / 8 * 5);
                assert_int_equal(base % (2 << 20), 0);
            }
        }
        assert_int_equal(zone_pick(size / 8 * 3), 0);
        assert_int_equal(zone_pick(UINT64_MAX), 0);
    }
}

static void picks_keep_apart(void **state)
{
    (void)state;
    uintptr_t end = zone_pick(GIB) + GIB;
    for (int i = 0; i < 1000; i++) {
        uintptr_t next = zone_pick(GIB);
        if (next < end)
            return; /* it has begun anew at the zone's start */
        assert_true(next > end);
        end = next + GIB;
    }
}

/* Where the library's own memory grows nothing is put, however often the addresses wrap. */
static void a_kept_range_is_left_out(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        zone_start(0x7ffd00000000, seed);
        uintptr_t kept = zone_pick(3 * GIB), last = kept;
        zone_keep(kept, kept + 3 * GIB);
        for (int wraps = 0; wraps < 3;) {
            uint64_t len = 1 + world_random(2000) * (GIB / 4);
            uintptr_t at = zone_pick(len);
            assert_true(at && (at + len <= kept || at >= kept + 3 * GIB));
            wraps += at < last;
            last = at;
        }
        uintptr_t end = 5UL << 44; /* of the zone */
        zone_keep(end - 3 * GIB, end);
        for (int n = 0; n < 20000; n++)
            assert_true(zone_pick(GIB) + GIB <= end - 3 * GIB);
        zone_keep(0, 0);
    }
}

static void a_seed_is_a_place(void **state)
{
    (void)state;
    zone_start(0x7ffd00000000, 1);
    uintptr_t a = zone_pick(GIB);
    zone_start(0x7ffd00000000, 2);
    uintptr_t b = zone_pick(GIB);
    zone_start(0x7ffd00000000, 1);
    assert_int_not_equal(a, b);
    assert_int_equal(zone_pick(GIB), a);
}

static void a_window_is_held(void **state)
{
    (void)state;
    struct file *f = files_add(5, 6);
    struct window *w = windows_add(f, 10 << 20, 1 << 20);
    assert_true(w->span >= 10 << 20);
    windows_hold(w);
    windows_release(w);
    assert_ptr_equal(files_find(5, 6), f);
    assert_int_equal(mapherd_status_block.windows, 1);
    windows_release(w);
    assert_null(files_find(5, 6)); /* the file goes with its last window */
    assert_int_equal(mapherd_status_block.windows, 0);
    assert_int_equal(mapherd_status_block.known_files, 0);
}

static void windows_go_in_any_order(void **state)
{
    (void)state;
    static const int orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 1, 2, 0 } };
    for (size_t n = 0; n < COUNT_OF(orders); n++) {
        struct file *f = files_add(5, 6);
        struct window *w[3];
        for (int i = 0; i < 3; i++)
            w[i] = windows_add(f, 1, 1);
        assert_true(w[0]->layer == 0 && w[1]->layer == 1 && w[2]->layer == 2);
        for (int i = 0; i < 3; i++) {
            assert_non_null(files_find(5, 6));
            windows_release(w[orders[n][i]]);
        }
        assert_null(files_find(5, 6));
    }
}

static void too_large_for_the_zone(void **state)
{
    (void)state;
    struct file *f = files_add(5, 6);
    assert_null(windows_add(f, 1, 1UL << 46));
    struct window *w = windows_add(f, 1UL << 60, 1 << 20); /* a sparse file, its chunks low */
    assert_non_null(w);
    assert_true(w->span < 1UL << 46);
    windows_release(w);
}

/* The lowest layer that has a place free, against a table of what is taken; and a number that has
 * become free is the next window's. */
static void the_lowest_free_layer(void **state)
{
    (void)state;
    enum { LAYERS = 100, PARTS = 40, STEPS = 20000 };
    static bool taken[LAYERS][PARTS];
    struct file *f = files_add(5, 6);
    struct window *w[LAYERS];
    memset(taken, 0, sizeof taken);
    for (unsigned n = 0; n < LAYERS; n++) {
        w[n] = windows_add(f, 1 << 20, 1 << 20);
        assert_int_equal(w[n]->layer, n);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned from = world_random(PARTS), to = from + 1 + world_random(PARTS - from), free = 0;
        for (bool is = true; free < LAYERS && is; free += is) {
            is = false;
            for (unsigned p = from; p < to; p++)
                is |= taken[free][p];
        }
        unsigned found = LAYERS;
        for (const struct layers *g = f->layers; g && found == LAYERS; g = g->next) {
            uint32_t left = windows_free(g, from, to);
            if (left)
                found = g->first + (unsigned)__builtin_ctz(left);
        }
        assert_int_equal(found, free);
        unsigned n = world_random(4) ? free % LAYERS : world_random(LAYERS);
        bool take = n == free || world_random(3);
        for (unsigned p = from; p < to; p++)
            taken[n][p] = take;
        if (!take)
            windows_leave(w[n], from, to);
        else if (!windows_take(w[n], from,
                               to)) /* the group's first: there is nothing else to note */
            assert_true(windows_take(w[n], from, to));
    }
    for (unsigned n = 0; n < LAYERS; n++)
        windows_leave(w[n], 0, PARTS);
    windows_release(w[40]);
    assert_int_equal(windows_from(f, 40)->layer, 41);
    w[40] = windows_add(f, 1, 1);
    assert_int_equal(w[40]->layer, 40);
    for (unsigned n = 0; n < LAYERS; n++) {
        assert_ptr_equal(windows_from(f, n), w[n]);
        windows_release(w[n]);
    }
    assert_null(files_find(5, 6));
}

/* The pages of the file that a layer has free, as the regions say. */
static bool region_free(const struct window *w, unsigned page)
{
    uintptr_t at = w->base + page * FAKE_PAGE;
    const struct region *r = regions_from(at);
    return !r || r->start > at || (r->kind & REGION_RETAINED);
}

static void check_layers(const struct file *f, struct window *const *w, unsigned layers)
{
    for (unsigned page = 0; page < 12; page++) {
        uint32_t free = windows_free(f->layers, page * FAKE_PAGE, (page + 1) * FAKE_PAGE);
        for (unsigned n = 0; n < layers; n++)
            assert_int_equal(free >> n & 1, region_free(w[n], page));
    }
}

/* What was mapped before there was a second layer is known when that has its first chunk. */
static void layers_begin_late(void **state)
{
    (void)state;
    static const unsigned early[][2] = { { 0, 2 }, { 4, 6 }, { 8, 9 } };
    struct file *f = files_add(5, 6);
    struct window *w[3];
    w[0] = windows_add(f, 1 << 20, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(early); i++)
        regions_add(w[0]->base + early[i][0] * FAKE_PAGE, w[0]->base + early[i][1] * FAKE_PAGE,
                    w[0], REGION_SHARED);
    regions_retain(w[0]->base + 4 * FAKE_PAGE, w[0]->base + 5 * FAKE_PAGE);
    w[1] = windows_add(f, 1 << 20, 1 << 20);
    w[2] = windows_add(f, 1 << 20, 1 << 20);
    regions_forget(w[0]->base + 8 * FAKE_PAGE, w[0]->base + 9 * FAKE_PAGE);
    regions_add(w[2]->base + 10 * FAKE_PAGE, w[2]->base + 11 * FAKE_PAGE, w[2], REGION_SHARED);
    check_layers(f, w, 3);
    regions_change(w[0]->base + 4 * FAKE_PAGE, w[0]->base + 5 * FAKE_PAGE, REGION_RETAINED, 0);
    regions_add(w[1]->base, w[1]->base + 3 * FAKE_PAGE, w[1], REGION_SHARED);
    regions_retain(w[0]->base, w[0]->base + FAKE_PAGE);
    check_layers(f, w, 3);
    for (unsigned n = 0; n < 3; n++) {
        regions_forget(w[n]->base, w[n]->base + w[n]->span);
        check_layers(f, w, 3);
    }
    for (unsigned n = 0; n < 3; n++)
        windows_release(w[n]);
    assert_null(files_find(5, 6));
}

/* A lone chunk keeps its file known; what continues it is told. */
static void lone_chunks(void **state)
{
    (void)state;
    struct file *f = files_add(5, 6);
    struct lone *a = files_add_lone(f, 10 << 20, 11 << 20, 3), *b = files_add_lone(f, 0, 4096, 3);
    assert_true(files_continues(f, 11 << 20, 12 << 20, 3));
    assert_true(files_continues(f, 9 << 20, 10 << 20, 3));
    assert_true(files_continues(f, 4096, 8192, 3));
    assert_false(files_continues(f, 11 << 20, 12 << 20, 1));
    assert_false(files_continues(f, 12 << 20, 13 << 20, 3));
    files_hold_lone(a); /* split */
    files_release_lone(a);
    assert_true(files_continues(f, 11 << 20, 12 << 20, 3));
    files_release_lone(a);
    assert_false(files_continues(f, 11 << 20, 12 << 20, 3));
    struct window *w = windows_add(f, 1, 1);
    files_release_lone(b);
    assert_ptr_equal(files_find(5, 6), f);
    windows_release(w);
    assert_null(files_find(5, 6));
}

static void many_files(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    for (ino_t i = 0; i < MANY; i++) {
        assert_non_null(files_add(i % 3, i));
        assert_null(files_find(i % 3 + 1, i));
    }
    for (ino_t i = 0; i < MANY; i++) {
        struct file *f = files_find(i % 3, i);
        assert_true(f && f->ino == i && f->dev == i % 3);
        files_remove_unused(f);
        assert_null(files_find(i % 3, i));
    }
    assert_int_equal(mapherd_status_block.known_files, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(the_zone),
        WORLD(picks_keep_apart),
        WORLD(a_kept_range_is_left_out),
        WORLD(a_seed_is_a_place),
        WORLD(a_window_is_held),
        WORLD(windows_go_in_any_order),
        WORLD(too_large_for_the_zone),
        WORLD(the_lowest_free_layer),
        WORLD(layers_begin_late),
        WORLD(lone_chunks),
        WORLD(many_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
