/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * regions: random operations, compared page by page with a model that cannot be wrong.
 */
#include "tell/status.h"
#include "unit.h"

#include <errno.h>

#include "space/regions.h"
#include "world.h"

#define PAGES 200
#define STEPS 30000
#define BASE 0x10000000UL
#define ADDR(page) (BASE + (uintptr_t)(page)*FAKE_PAGE)

/* The naive model: what each page belongs to, and whether a region begins there. */
static struct page {
    bool known, first;
    uint32_t kind;
    struct window *window;
} naive[PAGES + 1];

static struct window *windows[2];

/* Windows of a file that lives as long as the test: one user each is the test itself. */
static void open_windows(void)
{
    struct file *f = files_add(1, 2);
    for (size_t i = 0; i < COUNT_OF(windows); i++)
        windows[i] = windows_add(f, 1, 1);
}

static void close_windows(void)
{
    for (size_t i = 0; i < COUNT_OF(windows); i++)
        windows_release(windows[i]);
    assert_null(files_find(1, 2));
}

static void naive_border(int page)
{
    if (page < PAGES && naive[page].known)
        naive[page].first = true;
}

static void naive_set(int from, int to, struct page value)
{
    naive_border(to);
    for (int p = from; p < to; p++) {
        naive[p] = value;
        naive[p].first = value.known && p == from;
    }
}

/* Everything that can be asked of the model is what the naive one says. */
static void compare(void)
{
    size_t n = 0, users[COUNT_OF(windows)] = { 1, 1 };
    struct region *r = regions_from(0), *before = NULL;
    for (int p = 0; p < PAGES;) {
        if (!naive[p].known) {
            p++;
            continue;
        }
        assert_non_null(r);
        assert_true(naive[p].first);
        assert_int_equal(r->start, ADDR(p));
        assert_ptr_equal(r->before, before);
        assert_ptr_equal(regions_starting_at(r->start), r);
        assert_ptr_equal(regions_ending_at(r->end), r);
        int end = p + 1;
        while (end < PAGES && naive[end].known && !naive[end].first)
            end++;
        assert_int_equal(r->end, ADDR(end));
        for (; p < end; p++) {
            assert_int_equal(r->kind, naive[p].kind);
            assert_ptr_equal(r->window, naive[p].window);
        }
        for (size_t w = 0; w < COUNT_OF(windows); w++)
            users[w] += r->window == windows[w];
        n++;
        before = r;
        r = r->after;
    }
    assert_null(r);
    assert_int_equal(regions_total(), n);
    for (size_t w = 0; w < COUNT_OF(windows); w++)
        assert_int_equal(windows[w]->users, users[w]);
}

static void compare_queries(int from, int to)
{
    bool any = false, all = true;
    for (int p = from; p < to; p++) {
        any = any || naive[p].known;
        all = all && naive[p].known;
    }
    assert_int_equal(regions_free(ADDR(from), ADDR(to)), !any);
    assert_int_equal(regions_cover(ADDR(from), ADDR(to)), all);
    struct region *r = regions_from(ADDR(from));
    int p = from;
    while (p < PAGES && !naive[p].known)
        p++;
    if (p == PAGES)
        assert_null(r);
    else
        assert_true(r->start <= ADDR(p) && r->end > ADDR(p));
}

static void drop(struct region *chain)
{
    while (chain)
        chain = regions_drop(chain);
}

static void random_range(int *from, int *to)
{
    *from = (int)world_random(PAGES);
    *to = *from + 1 + (int)world_random((uint32_t)(PAGES - *from < 40 ? PAGES - *from : 40));
}

static void add(int from, int to)
{
    struct page p = { .known = true, .kind = 1 + world_random(3) };
    p.window = world_random(2) ? windows[world_random(2)] : NULL;
    if (!p.window && world_random(2))
        p.kind |= REGION_ANONYMOUS;
    assert_non_null(regions_add(ADDR(from), ADDR(to), p.window, p.kind));
    naive_set(from, to, p);
}

static void cut_and_restore(int from, int to)
{
    naive_border(from);
    naive_border(to);
    struct region *chain = regions_cut(ADDR(from), ADDR(to));
    assert_true(regions_free(ADDR(from), ADDR(to)));
    regions_restore(chain, 0);
}

/* As mremap does: to another place, where the pieces are no window's any more. */
static void move(int from, int to)
{
    int len = to - from, target = (int)world_random((uint32_t)(PAGES - len + 1));
    struct page moved[PAGES];
    naive_border(from);
    naive_border(to);
    for (int p = 0; p < len; p++)
        moved[p] = naive[from + p];
    struct region *chain = regions_cut(ADDR(from), ADDR(to));
    naive_set(from, to, (struct page){ 0 });
    for (int p = 0; p < len; p++) {
        if (!moved[p].known)
            continue;
        int end = p + 1;
        while (end < len && moved[end].known && !moved[end].first)
            end++;
        if (target != from)
            moved[p].window = NULL;
        naive_set(target + p, target + end, moved[p]);
        p = end - 1;
    }
    regions_restore(chain, ((intptr_t)target - from) * (intptr_t)FAKE_PAGE);
}

static void change(int from, int to)
{
    uint32_t clear = world_random(4), set = world_random(4) | (world_random(2) ? REGION_RANDOM : 0);
    regions_change(ADDR(from), ADDR(to), clear, set);
    naive_border(from);
    naive_border(to);
    for (int p = from; p < to; p++)
        naive[p].kind = (naive[p].kind & ~clear) | set;
}

static void grow(int from)
{
    struct region *r = regions_from(ADDR(from));
    if (!r)
        return;
    int end = (int)((r->end - BASE) / FAKE_PAGE), to = end + (int)world_random(20);
    if (to > PAGES)
        to = PAGES;
    if (to == end)
        return;
    struct page p = naive[end - 1];
    regions_grow(r, ADDR(to));
    naive_set(end, to, p);
    naive[end].first = false;
}

/* A map of the kernel never begins inside a region. */
static void adopt(int from, int to)
{
    while (from < to && naive[from].known && !naive[from].first)
        from++;
    regions_adopt(ADDR(from), ADDR(to));
    /* The naive rule: a border between two alike neighbours goes if both lie within the range. */
    for (int p = from + 1; p < to; p++) {
        if (!naive[p].known || !naive[p].first || !naive[p - 1].known)
            continue;
        int start = p - 1, end = p + 1;
        while (!naive[start].first)
            start--;
        while (end < PAGES && naive[end].known && !naive[end].first)
            end++;
        const struct page *a = &naive[p - 1], *b = &naive[p];
        if (start >= from && end <= to && a->kind == b->kind && a->window == b->window &&
            (a->window || (a->kind & REGION_ANONYMOUS)))
            naive[p].first = false;
    }
}

static void random_steps(void **state)
{
    (void)state;
    open_windows();
    for (int step = 0; step < STEPS; step++) {
        int from, to;
        random_range(&from, &to);
        switch (world_random(8)) {
        case 0:
        case 1: add(from, to); break;
        case 2:
            drop(regions_cut(ADDR(from), ADDR(to)));
            naive_set(from, to, (struct page){ 0 });
            break;
        case 3: cut_and_restore(from, to); break;
        case 4: move(from, to); break;
        case 5: change(from, to); break;
        case 6: grow(from); break;
        case 7: adopt(from, to); break;
        }
        compare();
        compare_queries(from, to);
    }
    drop(regions_cut(0, (uintptr_t)-1));
    naive_set(0, PAGES, (struct page){ 0 });
    compare();
    close_windows();
}

/* Without memory regions are forgotten: never invented, never kept where they are not. */
static void without_memory(void **state)
{
    (void)state;
    regions_add(ADDR(0), ADDR(100), NULL, REGION_ANONYMOUS);
    fake_fail(FAKE_MREMAP, 0, -ENOMEM);
    int made = 0;
    while (regions_add(ADDR(1000 + 2 * made), ADDR(1001 + 2 * made), NULL, REGION_ANONYMOUS))
        made++;
    uint64_t forgotten = mapherd_status_block.forgotten;
    drop(regions_cut(ADDR(10), ADDR(20)));
    assert_true(mapherd_status_block.forgotten > forgotten);
    assert_true(regions_cover(ADDR(0), ADDR(10)));
    assert_true(regions_free(ADDR(10), ADDR(20)));
    drop(regions_cut(0, (uintptr_t)-1));
    assert_int_equal(regions_total(), 0);
}

/* Ascending, descending: the treap must not become a list (this would take minutes). */
static void stays_balanced(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    for (int i = 0; i < MANY; i++)
        regions_add(ADDR(2 * i), ADDR(2 * i + 1), NULL, 0);
    for (int i = MANY - 1; i >= 0; i--)
        assert_non_null(regions_starting_at(ADDR(2 * i)));
    for (int i = MANY - 1; i >= 0; i--)
        drop(regions_cut(ADDR(2 * i), ADDR(2 * i + 2)));
    assert_int_equal(regions_total(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(random_steps),
        WORLD(without_memory),
        WORLD(stays_balanced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
