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
    assert_int_equal(growth_advice(&g), 262144);
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

static void advice(void **state)
{
    (void)state;
    const struct {
        long peak, an_hour, value;
    } rows[] = {
        { 0, 0, 262144 },         { 65530, 0, 262144 },
        { 131072, 0, 262144 },    { 131073, 0, 524288 },
        { 65530, 5461, 262144 },  /* 131060 + 131064 */
        { 65530, 10000, 524288 }, /* 131060 + 240000 */
        { 262144, 0, 524288 },    { 2000000000, 2000000000, 1L << 30 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct growth g = { .peak = rows[i].peak, .an_hour = rows[i].an_hour };
        assert_int_equal(growth_advice(&g), rows[i].value);
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
