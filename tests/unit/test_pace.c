/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pace: what a minute's growth is told to be.
 */
#include "tell/status.h"
#include "unit.h"

#include "space/pace.h"

static void growth_is_told_by_the_minute(void **state)
{
    (void)state;
    pace_note(1000);
    fake_now_ms += 5000;
    pace_note(1100);
    assert_int_equal(mapherd_status_block.pace_ms, 0); /* too soon to tell */
    fake_now_ms += 15000;
    pace_note(1300);
    assert_int_equal(mapherd_status_block.pace, 900); /* 300 in 20 s */
    assert_int_equal(mapherd_status_block.pace_ms, fake_now_ms);

    /* Steady: after two minutes nothing is left of it. */
    for (int seconds = 0; seconds < 130; seconds += 10) {
        fake_now_ms += 10000;
        pace_note(1300);
    }
    assert_int_equal(mapherd_status_block.pace, 0);

    /* The upper bound was too high, and a scan measures that: it neither grew nor shrank. */
    fake_now_ms += 10000;
    pace_note(1900);
    assert_true(mapherd_status_block.pace > 0);
    pace_measured(1300);
    assert_int_equal(mapherd_status_block.pace, 0);

    /* A burst after hours of silence is growth of the last two minutes. */
    fake_now_ms += 7200000;
    pace_note(3300);
    assert_int_equal(mapherd_status_block.pace, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { UNIT(growth_is_told_by_the_minute) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
