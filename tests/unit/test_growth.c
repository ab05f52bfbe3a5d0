/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * growth: what counts as growth, and which limit is advised.
 */
#include "unit.h"

#include "space/pace.h"

#define HOUR (3600UL * 1000)

static void the_start_is_no_growth(void **state)
{
    (void)state;
    struct growth g = { 0 };
    growth_note(&g, 100, 5);
    growth_note(&g, 60000, HOUR / 2);
    growth_note(&g, 60000, 5 + HOUR);
    assert_int_equal(g.an_hour, 0);
    assert_int_equal(g.peak, 60000);
    assert_int_equal(growth_advice(&g, 65530), 1048576);
}

static void by_the_hour(void **state)
{
    (void)state;
    struct growth g = { 0 };
    growth_note(&g, 1000, 0);
    growth_note(&g, 20000, HOUR);
    growth_note(&g, 20500, HOUR + HOUR / 2); /* within the span: not yet */
    assert_int_equal(g.an_hour, 0);
    growth_note(&g, 24000, 3 * HOUR);
    assert_int_equal(g.an_hour, 2000);
    growth_note(&g, 23000, 4 * HOUR); /* it shrinks */
    assert_int_equal(g.an_hour, 0);
    assert_int_equal(g.peak, 24000);
}

/* Never less than distributions set, nor than what is set here. */
static void advice(void **state)
{
    (void)state;
    const struct {
        long peak, an_hour, limit, value;
    } rows[] = {
        { 0, 0, 65530, 1 << 20 },           { 524288, 0, 65530, 1 << 20 },
        { 524289, 0, 65530, 1 << 21 },      { 262144, 21845, 65530, 1 << 20 }, /* 524288 + 524280 */
        { 262144, 21846, 65530, 1 << 21 },                                     /* 524288 + 524304 */
        { 1000, 0, 262144, 1 << 20 },       { 1000, 0, 1048575, 1 << 20 },
        { 1000, 0, 1048576, 1 << 21 },      { 1000, 0, 16777216, 1 << 25 },
        { 1000, 0, 2147483642, INT32_MAX }, { 2000000000, 2000000000, 65530, INT32_MAX },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct growth g = { .peak = rows[i].peak, .an_hour = rows[i].an_hour };
        assert_int_equal(growth_advice(&g, rows[i].limit), rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(the_start_is_no_growth),
        UNIT(by_the_hour),
        UNIT(advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
