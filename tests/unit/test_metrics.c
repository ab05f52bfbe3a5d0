/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * metrics: when the file is renewed, what is in it, and what happens when it cannot be.
 */
#include <config.h>

#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "tell/log.h"
#include "tell/metrics.h"
#include "tell/options.h"

#define FILE_NAMED "named /metrics/mapherd-4242.prom\n"

static int times(const char *what)
{
    int n = 0;
    for (const char *at = fake_written(); (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void calls(int n)
{
    while (n-- > 0)
        metrics_settle();
}

/* One process lives once: the steps follow each other. */
static void a_life(void **state)
{
    (void)state;
    static const char folder[] = "/metrics";
    calls(100);
    metrics_stop();
    assert_string_equal(fake_written(), ""); /* not asked for */

    fake_text("/proc/self/stat",
              "4242 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 9", 0);
    options.metrics = (struct option_text){ folder, sizeof folder - 1 };
    log_start("prog");
    mapherd_status_block.limit = 65530;
    mapherd_status_block.bound = 120;
    mapherd_status_block.pressure = 1;
    metrics_start("pr\"o\\g\n\xff");
    assert_int_equal(times(FILE_NAMED), 1);
    assert_non_null(
        strstr(fake_written(), "# mapherd: process 4242 of namespace 0, started at 777\n"));
    assert_non_null(strstr(
        fake_written(), "# TYPE process_memory_map_areas gauge\n"
                        "process_memory_map_areas{pid=\"4242\",program=\"pr\\\"o\\\\g??\"} 120\n"));
    assert_non_null(strstr(fake_written(), "process_memory_map_areas_limit{"));
    assert_non_null(
        strstr(fake_written(), "\nmapherd_pressure{pid=\"4242\",program=\"pr\\\"o\\\\g??\"} 1\n"));
    assert_null(strstr(fake_written(), "mapherd_maps_read{")); /* never read: -1 */
    assert_non_null(strstr(fake_written(),
                           "\nmapherd_build_info{version=\"" PACKAGE_VERSION "\",pid=\"4242\","));

    /* At most once a second, whatever the number of calls. */
    calls(1000);
    assert_int_equal(times(FILE_NAMED), 1);
    fake_now_ms += 1000;
    calls(1000);
    assert_int_equal(times(FILE_NAMED), 2);

    /* But at once when it is news. */
    mapherd_status_block.bound += 65530 / 50 - 1;
    calls(1000);
    assert_int_equal(times(FILE_NAMED), 2);
    mapherd_status_block.bound++;
    calls(1);
    assert_int_equal(times(FILE_NAMED), 3);
    mapherd_status_block.pressure = 2;
    calls(1000);
    assert_int_equal(times(FILE_NAMED), 4);

    /* The first spilled page is news, a few more are not, and the last one that goes back is. */
    mapherd_status_block.spill_waiting = 4096;
    calls(1000);
    assert_int_equal(times(FILE_NAMED), 5);
    assert_int_equal(
        times("\nmapherd_spill_waiting_bytes{pid=\"4242\",program=\"pr\\\"o\\\\g??\"} 4096\n"), 1);
    mapherd_status_block.spill_waiting = 8191;
    calls(1000);
    assert_int_equal(times(FILE_NAMED), 5);
    mapherd_status_block.spill_waiting = 0;
    calls(1000);
    assert_int_equal(times(FILE_NAMED), 6);

    /* A folder that fails is one line, and nothing else is seen of it. */
    fake_fail(FAKE_OPEN, 0, -EACCES);
    for (int i = 0; i < 5; i++) {
        fake_now_ms += 1000;
        calls(100);
    }
    assert_int_equal(times(FILE_NAMED), 6);
    assert_int_equal(times("metrics cannot be written to /metrics (errno 13)"), 1);
    fake_fail(FAKE_OPEN, 0, 0);
    fake_fail(FAKE_WRITE, 0, -ENOSPC);
    fake_now_ms += 1000;
    calls(100);
    fake_fail(FAKE_WRITE, 0, 0);
    assert_int_equal(times(FILE_NAMED), 6);
    assert_int_equal(times("metrics cannot be written"), 1);
    fake_now_ms += 1000;
    calls(100);
    assert_int_equal(times(FILE_NAMED), 7);
    assert_int_equal(times("warning: metrics can be written to /metrics again\n"), 1);

    /* At the end it is removed, once, and not written again. */
    metrics_stop();
    metrics_stop();
    fake_now_ms += 1000;
    calls(100);
    assert_int_equal(times("removed /metrics/mapherd-4242.prom\n"), 1);
    assert_int_equal(times(FILE_NAMED), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = { UNIT(a_life) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
