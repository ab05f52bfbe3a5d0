/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * count: the upper bound, when a scan measures the count, and what is said at the marks and at the limit.
 *
 * The count is one story from start to end, so this is one test in chapters.
 */
#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "common/due.h"
#include "fakespace.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/pressure.h"
#include "space/regions.h"
#include "tell/log.h"
#include "tell/options.h"
#include "world.h"

#define LIMIT 1000
#define FAR 0x600000000000UL

static char buffer[COUNT_BUFFER];
static long made; /* maps of the story, each a page with a page of nothing behind it */

/* As the end of a call does it. */
static void settle(void)
{
    if ((due_now() >> DUE_COUNT & 1) && !count_settle())
        due_clear(DUE_COUNT);
}

/* One map more, in the kernel and in the count; read if that is due. */
static void more(long n)
{
    for (; n > 0; n--) {
        uintptr_t at = FAR + (uintptr_t)made++ * 2 * FAKE_PAGE;
        sys_mmap(at, FAKE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        count_add(1);
        assert_true(mapherd_status_block.bound >= fake_vma_count() - 1);
        settle();
    }
}

static void fewer(long n)
{
    for (; n > 0; n--) {
        sys_munmap(FAR + (uintptr_t)--made * 2 * FAKE_PAGE, FAKE_PAGE);
        count_add(-1);
    }
}

static int lines_saying(const char *text)
{
    int n = 0;
    for (const char *at = fake_written(); (at = strstr(at, text)); at++)
        n++;
    return n;
}

static void before_start(void)
{
    count_add(5);
    assert_false(count_due());
    count_add(-5);
}

static void marks(void)
{
    more(590 - fake_vma_count());
    assert_int_equal(lines_saying("warning"), 0);
    more(20);
    assert_int_equal(lines_saying("60 % of vm.max_map_count = 1000"), 1);
    more(150);
    assert_int_equal(lines_saying("warning"), 1); /* one line a mark */
    more(50);
    assert_int_equal(lines_saying("80 % of vm.max_map_count = 1000"), 1);
    assert_true(mapherd_status_block.readings < 40);
}

static void rearmed_below(void)
{
    fewer(30); /* 790 or so: still near the mark of 80 */
    count_scan();
    more(30);
    count_scan();
    assert_int_equal(lines_saying("80 %"), 1);
    fewer(100);
    count_scan();
    more(110);
    count_scan();
    assert_int_equal(lines_saying("80 %") + lines_saying("81 %") + lines_saying("82 %"), 2);
}

static void names_the_holders(void)
{
    int fd = fake_open((struct fake_file){ .inode = 77, .size = 1 << 30 }, O_RDONLY);
    long before = fake_vma_count();
    for (long i = 0; i < 150; i++) {
        sys_mmap(FAR / 2 + (uintptr_t)i * 3 * FAKE_PAGE, FAKE_PAGE, PROT_READ,
                 MAP_SHARED | MAP_FIXED, fd, 0);
        count_add(1);
        settle();
    }
    assert_int_equal(fake_vma_count(), before + 150);
    char line[60];
    const char *at = strstr(fake_written(), " of /file77");
    assert_non_null(at);
    while (at[-1] >= '0' && at[-1] <= '9')
        at--;
    long named = 0;
    assert_int_equal(sscanf(at, "%ld of /file77", &named), 1);
    snprintf(line, sizeof line, "90 %% of vm.max_map_count = 1000");
    assert_int_equal(lines_saying(line), 1);
    assert_true(named > 50 && named <= 150);
}

/* A call is counted, and a scan reads the list before the kernel gets the call. */
static void a_call_under_way_is_not_forgotten(void)
{
    count_begin(2);
    count_scan();
    for (int i = 0; i < 2; i++)
        sys_mmap(FAR / 4 + (uintptr_t)i * 3 * FAKE_PAGE, FAKE_PAGE, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    count_ended();
    assert_true(mapherd_status_block.bound >= fake_vma_count());
    count_scan();
    assert_int_equal(mapherd_status_block.bound, mapherd_status_block.exact);
}

static void an_upper_bound_too_high_is_corrected(void)
{
    uint64_t scans = mapherd_status_block.readings;
    long measured = fake_vma_count();
    count_add(2 * LIMIT);
    assert_true(count_due());
    count_scan();
    assert_int_equal(mapherd_status_block.exact, measured);
    assert_int_equal(mapherd_status_block.bound, measured);
    assert_int_equal(mapherd_status_block.readings, scans + 1);
    assert_false(count_due());
}

static void a_scan_joins_regions(void)
{
    uintptr_t at = FAR / 3 * 2 & ~(FAKE_PAGE - 1);
    uint32_t kind = PROT_READ | REGION_ANONYMOUS;
    for (uintptr_t page = at; page < at + 10 * FAKE_PAGE; page += FAKE_PAGE) {
        sys_mmap(page, FAKE_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        regions_add(page, page + FAKE_PAGE, NULL, kind);
    }
    assert_int_equal(regions_total(), 10);
    count_scan();
    assert_int_equal(regions_total(), 1);
    regions_drop(regions_cut(at, at + 10 * FAKE_PAGE));
}

/* One scan finds no descriptor left: the next one finds the list again. */
static void without_a_descriptor(void)
{
    fake_fail(FAKE_OPEN, 0, -EMFILE);
    count_add(2 * LIMIT);
    assert_true(count_due());
    count_scan();
    fake_fail(FAKE_OPEN, 0, 0);
    assert_true(mapherd_status_block.exact < LIMIT);
    for (int calls = 0; !count_due(); calls++) {
        assert_true(calls < 5000);
        count_add(0);
    }
    count_scan();
    assert_int_equal(mapherd_status_block.bound, fake_vma_count());
}

/* After many calls a scan is far away by their number; by the time it is not. */
static void after_ten_minutes(void)
{
    for (int n = 0; n < 300000; n++)
        count_add(0);
    count_scan();
    for (int n = 0; n < 10000; n++)
        count_add(0);
    assert_false(count_due());
    fake_now_ms += 600000;
    for (int n = 0; n < 300; n++)
        count_add(0);
    assert_true(count_due());
    count_scan();
    for (int n = 0; n < 300; n++)
        count_add(0);
    assert_false(count_due());
}

/* A level is of the limit that is in force. */
static void a_higher_limit_is_calm(void)
{
    pressure_is(850, LIMIT);
    assert_int_equal(pressure_level(), PRESSURE_HIGH);
    pressure_is(845, LIMIT);
    assert_true(pressure_may_fall(750));
    pressure_is(850, 4 * LIMIT);
    assert_int_equal(pressure_level(), PRESSURE_CALM);
}

static void without_proc(void)
{
    fake_fail(FAKE_OPEN, 0, -ENOENT);
    count_scan();
    count_add(10 * LIMIT);
    assert_false(count_due()); /* it does not ask again and again */
    fake_fail(FAKE_OPEN, 0, 0);
}

static void story(void **state)
{
    (void)state;
    fake_backing = true;
    fake_text("/proc/sys/vm/max_map_count", "1000\n", 0);
    log_start("prog");
    before_start();
    count_start(buffer);
    assert_int_equal(mapherd_status_block.limit, LIMIT);
    count_scan();
    marks();
    rearmed_below();
    names_the_holders();
    a_call_under_way_is_not_forgotten();
    an_upper_bound_too_high_is_corrected();
    a_scan_joins_regions();
    without_a_descriptor();
    after_ten_minutes();
    a_higher_limit_is_calm();
    without_proc();
}

int main(void)
{
    const struct CMUnitTest tests[] = { WORLD(story) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
