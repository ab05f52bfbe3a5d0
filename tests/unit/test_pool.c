/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pool: zeroed objects, reuse, growth, and the answer when there is no more.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "kernel/pool.h"
#include "world.h"

struct thing {
    char bytes[100];
};

static void objects_are_zero_and_apart(void **state)
{
    (void)state;
    struct pool things = POOL(struct thing);
    struct thing *t[3000];
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        static const struct thing zero;
        t[i] = pool_take(&things);
        assert_non_null(t[i]);
        assert_int_equal((uintptr_t)t[i] % 16, 0);
        assert_memory_equal(t[i], &zero, sizeof zero);
        memset(t[i], (int)i, sizeof *t[i]);
    }
    for (size_t i = 0; i < COUNT_OF(t); i++)
        for (size_t n = 0; n < sizeof *t[i]; n++)
            assert_int_equal((unsigned char)t[i]->bytes[n], i % 256);
    for (size_t i = 0; i < COUNT_OF(t); i++)
        pool_give(&things, t[i]);
    uintptr_t base;
    size_t before = pool_bytes(&base);
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct thing *again = pool_take(&things);
        assert_non_null(again);
        assert_int_equal(again->bytes[0] | again->bytes[99], 0);
    }
    assert_int_equal(pool_bytes(&base), before); /* what was given back is used again */
}

static void grows_as_one_map(void **state)
{
    (void)state;
    struct pool things = POOL(struct thing);
    uintptr_t base;
    size_t before = pool_bytes(&base);
    while (pool_bytes(&base) < before + (1 << 20))
        assert_non_null(pool_take(&things));
    assert_int_equal(world_maps(), 0);
}

static void no_memory_is_an_answer(void **state)
{
    (void)state;
    struct pool things = POOL(struct thing);
    fake_fail(FAKE_MREMAP, 0, -ENOMEM);
    struct thing *last = NULL, *t;
    while ((t = pool_take(&things)))
        last = t;
    assert_null(pool_take(&things));
    pool_give(&things, last);
    assert_ptr_equal(pool_take(&things), last);
    fake_fail(FAKE_MREMAP, 0, 0);
    assert_non_null(pool_take(&things)); /* and when there is memory again, there is */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(objects_are_zero_and_apart),
        WORLD(grows_as_one_map),
        WORLD(no_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
