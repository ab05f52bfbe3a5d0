/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * procstat: numbers out of texts as /proc has them, in pieces of any size; and the pool of huge
 * pages, which is read with it.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "kernel/procstat.h"

static const char text[] = "Name:\tVmData: 7\n"
                           "VmPeak:\t    3060 kB\n"
                           "VmSize:\t    3061 kB\n"
                           "CapEff:\t000001fffeffffff\n"
                           "None:\n"
                           "VmData:\t     360 kB\n"
                           "Last: 12";

static void reads_what_is_wanted(void **state)
{
    (void)state;
    for (size_t chunk = 0; chunk < 40; chunk++) {
        fake_reset();
        fake_text("/status", text, chunk);
        struct procstat wanted[] = {
            { "VmData", 0, false }, { "VmSize", 0, false }, { "CapEff", 0, true },
            { "None", 0, false },   { "Absent", 0, false }, { "Vm", 0, false },
            { "Last", 0, false },
        };
        procstat_read("/status", wanted, COUNT_OF(wanted));
        assert_int_equal(wanted[0].value, 360);
        assert_int_equal(wanted[1].value, 3061);
        assert_int_equal(wanted[2].value, 0x1fffeffffff);
        assert_true(wanted[3].value == PROCSTAT_NONE);
        assert_true(wanted[4].value == PROCSTAT_NONE);
        assert_true(wanted[5].value == PROCSTAT_NONE);
        assert_int_equal(wanted[6].value, 12);
    }
}

static void lines_of_any_length(void **state)
{
    (void)state;
    static char huge[3000 + 32];
    memset(huge, 'f', 3000);
    memcpy(huge, "Cpus_allowed:\t", 14);
    strcpy(huge + 3000, "\nVmLck: 5 kB\n");
    fake_text("/status", huge, 0);
    struct procstat wanted = { "VmLck", 0, false };
    procstat_read("/status", &wanted, 1);
    assert_int_equal(wanted.value, 5);
}

static void one_number(void **state)
{
    (void)state;
    fake_text("/two", "2\n", 0);
    fake_text("/statm", "18446744073709551614 5 6\n7\n", 3);
    fake_text("/empty", "", 0);
    fake_text("/words", "always madvise\n", 0);
    assert_int_equal(procstat_number("/two"), 2);
    assert_true(procstat_number("/statm") == ULONG_MAX - 1);
    assert_true(procstat_number("/empty") == PROCSTAT_NONE);
    assert_true(procstat_number("/words") == PROCSTAT_NONE);
    assert_true(procstat_number("/absent") == PROCSTAT_NONE);
    fake_fail(FAKE_READ, 0, -EIO);
    assert_true(procstat_number("/two") == PROCSTAT_NONE);
}

static void no_descriptor_is_left(void **state)
{
    (void)state;
    fake_text("/two", "2\n", 0);
    int before = fake_dup(fake_open((struct fake_file){ .inode = 1 }, 0));
    fake_close(before);
    for (int i = 0; i < 5; i++)
        procstat_number("/two");
    assert_int_equal(fake_dup(before - 1), before);
}

static void huge_pages(void **state)
{
    (void)state;
    struct hugepool pool;
    assert_false(hugepool_read(0, &pool));
    fake_text("/proc/meminfo",
              "HugePages_Total: 10\nHugePages_Free: 6\nHugePages_Rsvd: 2\n"
              "HugePages_Surp: 0\nHugepagesize: 2048 kB\n",
              0);
    assert_true(hugepool_read(0, &pool));
    assert_true(pool.usual);
    assert_int_equal(pool.page, 2048);
    assert_int_equal(pool.total, 10);
    assert_int_equal(pool.free, 6);
    assert_int_equal(pool.reserved, 2);
    assert_true(hugepool_read(21, &pool)); /* the usual size, by name */
    assert_true(pool.usual);
    assert_false(hugepool_read(30, &pool));
    const char *folder = "/sys/kernel/mm/hugepages/hugepages-1048576kB/";
    static char paths[3][100];
    static const char *const names[] = { "nr_hugepages", "free_hugepages", "resv_hugepages" };
    static const char *const numbers[] = { "4\n", "3\n", "1\n" };
    for (int i = 0; i < 3; i++) {
        strcat(strcpy(paths[i], folder), names[i]);
        fake_text(paths[i], numbers[i], 0);
    }
    assert_true(hugepool_read(30, &pool));
    assert_false(pool.usual);
    assert_int_equal(pool.page, 1048576);
    assert_int_equal(pool.total, 4);
    assert_int_equal(pool.free, 3);
    assert_int_equal(pool.reserved, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(reads_what_is_wanted),  UNIT(lines_of_any_length), UNIT(one_number),
        UNIT(no_descriptor_is_left), UNIT(huge_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
