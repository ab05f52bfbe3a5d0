/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * latency: when it is asked what is dirty, and what is said of a slow msync.
 */
#include "unit.h"

#include <fcntl.h>
#include <string.h>

#include "sync/latency.h"
#include "tell/log.h"
#include "tell/options.h"

static int fd;

static int setup(void **state)
{
    static uint64_t clock_ms;
    fresh_kernel(state);
    fake_now_ms = clock_ms += 100000; /* what was asked in the test before is long ago */
    fake_dirty_asked = 0;
    options.log_level = LOG_WARNING;
    options.sync_slow = (struct option_text){ "1000", 4 };
    log_start("prog");
    fake_text("/proc/self/status", "Name:\tprog\nSeccomp:\t0\n", 0);
    fd = fake_open((struct fake_file){ .inode = 7, .size = 1 << 20 }, O_RDWR);
    return 0;
}

static void sync_for(unsigned ms, int through, long answer)
{
    struct synced s = {
        .addr = 0x10000, .len = 65536, .fd = through, .dev = FAKE_DEVICE, .ino = 7, .offset = 4096
    };
    latency_begin(&s);
    fake_now_ms += ms;
    latency_end(&s, answer);
}

static void a_slow_one_is_a_line(void **state)
{
    (void)state;
    sync_for(999, fd, 0);
    assert_string_equal(fake_written(), "");
    sync_for(1500, fd, 0);
    assert_non_null(strstr(fake_written(),
                           "msync took 1500 ms: /files/7, 65536 bytes at 4096, 3 pages "
                           "of it dirty; slow ones since the last such line: 0\n"));
}

/* The descriptor may be another file's by now, and what was counted the other file's pages. */
static void of_another_file_nothing_is_said(void **state)
{
    (void)state;
    int other = fake_open((struct fake_file){ .inode = 8, .size = 1 << 20 }, O_RDWR);
    sync_for(1500, other, 0);
    assert_non_null(
        strstr(fake_written(), "msync took 1500 ms: inode 7, 65536 bytes at 4096; slow"));
}

/* A loop that has nothing to sync would cost half as much again. */
static void a_quick_loop_does_not_ask_each_time(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        sync_for(0, fd, 0);
    assert_int_equal(fake_dirty_asked, 1);
    for (int i = 0; i < 100; i++)
        sync_for(1, fd, 0);
    assert_int_equal(fake_dirty_asked, 100); /* the first of them came at once, too */
    assert_int_equal(fake_calls(FAKE_FSTAT),
                     1); /* log_start's; it would make stores write a time */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_slow_one_is_a_line, setup),
        cmocka_unit_test_setup(of_another_file_nothing_is_said, setup),
        cmocka_unit_test_setup(a_quick_loop_does_not_ask_each_time, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
