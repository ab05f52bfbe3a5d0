/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pressure: what the log is told of its changes, where the count swings around a border.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "space/pressure.h"
#include "tell/log.h"
#include "tell/options.h"

#define LIMIT 1000
#define HOUR_MS 3600000

/* Calm, and so in the log, an hour after whatever was before. */
static int calm(void **state)
{
    static uint64_t story;
    fresh_kernel(state);
    options.log_level = LOG_INFO;
    log_start("prog");
    fake_now_ms = story += 10 * HOUR_MS;
    pressure_is(0, LIMIT);
    fake_now_ms = story += 10 * HOUR_MS;
    assert_int_equal(pressure_level(), PRESSURE_CALM);
    fake_reset();
    fake_now_ms = story;
    log_start("prog");
    return 0;
}

static int lines(void)
{
    int n = 0;
    for (const char *at = fake_written(); (at = strchr(at, '\n')); at++)
        n++;
    return n;
}

static void assert_last(const char *words)
{
    const char *line = fake_written(), *next;
    while ((next = strchr(line, '\n')) && next[1])
        line = next + 1;
    if (!strstr(line, words))
        fail_msg("'%s' lacks '%s'", line, words);
}

/* As calls do it: a fall is seen by the upper bound, if that may be one. */
static void to(long maps)
{
    if (maps > 0)
        pressure_at_most(maps, LIMIT);
    pressure_is(maps, LIMIT);
}

/* Whatever the clock says: a small swing is one line, and what is done follows the count. */
static void a_small_swing_is_told_once(void **state)
{
    (void)state;
    for (int n = 0; n < 100; n++) {
        to(830);
        assert_int_equal(pressure_level(), PRESSURE_HIGH);
        to(760);
        assert_int_equal(pressure_level(), PRESSURE_RAISED);
        fake_now_ms += n * 1000;
    }
    assert_int_equal(lines(), 1);
    assert_last("warning: pressure is high, was calm: 830 of 1000 maps (vm.max_map_count)");
}

/* Each fall that is told has to be deeper than the one before. */
static void a_large_swing_is_told_less_and_less(void **state)
{
    (void)state;
    for (int n = 0; n < 100; n++) {
        to(990);
        to(10);
    }
    int told = lines();
    assert_in_range(told, 4, 12);
    fake_now_ms += HOUR_MS; /* without a fall that was told, the next one is */
    to(10);
    assert_int_equal(lines(), told + 1);
    assert_last("warning: pressure is calm, was ");
    to(990);
    to(10);
    assert_int_equal(lines(), told + 3);
}

static void a_fall_is_as_loud_as_the_rise(void **state)
{
    (void)state;
    to(830);
    assert_last("warning: pressure is high, was calm");
    to(749);
    assert_last("warning: pressure is raised, was high: 749 of");
    to(451);
    assert_int_equal(lines(), 2);
    to(449);
    assert_last("info: pressure is calm, was raised: 449 of");
    fake_now_ms += HOUR_MS;
    to(600);
    assert_last("info: pressure is raised, was calm");
    pressure_warned(); /* of a mark of MAPHERD_WARN */
    to(400);
    assert_last("warning: pressure is calm, was raised");
    fake_now_ms += HOUR_MS;
    to(600);
    to(400);
    assert_last("info: pressure is calm, was raised");
}

/* The fall is seen by the upper bound alone, between scans. */
static void a_fall_needs_no_scan(void **state)
{
    (void)state;
    to(830);
    pressure_at_most(789, LIMIT); /* what is done has changed */
    assert_int_equal(pressure_level(), PRESSURE_RAISED);
    assert_false(pressure_may_fall(750));
    assert_int_equal(lines(), 1);
    assert_true(pressure_may_fall(749));
    pressure_at_most(749, LIMIT);
    assert_last("warning: pressure is raised, was high");
    assert_false(pressure_may_fall(489 + 1));
}

#define CALM(test) cmocka_unit_test_setup(test, calm)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALM(a_small_swing_is_told_once),
        CALM(a_large_swing_is_told_less_and_less),
        CALM(a_fall_is_as_loud_as_the_rise),
        CALM(a_fall_needs_no_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
