/*
 * windows and files: the zone, what lies in it, and who lives how long.
 */
#include "unit.h"

#include "model/model.h"
#include "model/windows.h"
#include "world.h"

#define GIB (1UL << 30)

/* The zone is two to five eighths of the address space, whatever its size. */
static void the_zone(void **state)
{
    (void)state;
    for (unsigned bits = 39; bits <= 48; bits++) {
        uintptr_t size = 1UL << bits;
        for (uint64_t seed = 0; seed < 50; seed++) {
            windows_start(size - 0x5000, seed);
            for (int i = 0; i < 200; i++) {
                uintptr_t base = windows_pick(GIB);
                assert_true(base >= size / 8 * 2 && base + GIB <= size / 8 * 5);
                assert_int_equal(base % (2 << 20), 0);
            }
        }
        assert_int_equal(windows_pick(size / 8 * 3), 0);
        assert_int_equal(windows_pick(UINT64_MAX), 0);
    }
}

static void picks_keep_apart(void **state)
{
    (void)state;
    uintptr_t end = windows_pick(GIB) + GIB;
    for (int i = 0; i < 1000; i++) {
        uintptr_t next = windows_pick(GIB);
        if (next < end)
            return; /* it has begun anew at the zone's start */
        assert_true(next > end);
        end = next + GIB;
    }
}

static void a_seed_is_a_place(void **state)
{
    (void)state;
    windows_start(0x7ffd00000000, 1);
    uintptr_t a = windows_pick(GIB);
    windows_start(0x7ffd00000000, 2);
    uintptr_t b = windows_pick(GIB);
    windows_start(0x7ffd00000000, 1);
    assert_int_not_equal(a, b);
    assert_int_equal(windows_pick(GIB), a);
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
    assert_int_equal(mapherd_status_block.files, 0);
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
        assert_true(f->windows == w[0] && w[0]->next == w[1] && w[1]->next == w[2]);
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

static void masters_are_buried(void **state)
{
    (void)state;
    uintptr_t addr;
    size_t len;
    struct window *w = windows_add(files_add(5, 6), 1, 1);
    assert_false(windows_have_dead());
    w->master = 0x1000;
    w->master_len = 0x2000;
    uint64_t masters = mapherd_status_block.masters;
    windows_retire_master(w);
    assert_int_equal(w->master, 0);
    w->master = 0x5000;
    w->master_len = 0x3000;
    windows_release(w);
    assert_true(windows_have_dead());
    assert_true(windows_bury(&addr, &len));
    assert_int_equal(addr, 0x5000);
    assert_int_equal(len, 0x3000);
    assert_true(windows_bury(&addr, &len));
    assert_int_equal(addr, 0x1000);
    assert_false(windows_bury(&addr, &len));
    assert_int_equal(mapherd_status_block.masters, masters - 2); /* a grave is no master */
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
        files_remove(f);
        assert_null(files_find(i % 3, i));
    }
    assert_int_equal(mapherd_status_block.files, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(the_zone),
        WORLD(picks_keep_apart),
        WORLD(a_seed_is_a_place),
        WORLD(a_window_is_held),
        WORLD(windows_go_in_any_order),
        WORLD(too_large_for_the_zone),
        WORLD(masters_are_buried),
        WORLD(many_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
