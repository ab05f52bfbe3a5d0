/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * log: the two forms of a line, where it may go, and where it must not.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tell/log.h"
#include "tell/naming.h"
#include "tell/options.h"

#define STAMP "1970-01-01T00:00:01Z " /* the fake kernel's time */

static struct options defaults;

static int as_new(void **state)
{
    options = defaults;
    fresh_kernel(state);
    log_start("prog");
    return 0;
}

static void a_line_of_text(void **state)
{
    (void)state;
    log_line_at(LOG_WARNING, EVENT_option, "%d of %s", 3, "four");
    assert_string_equal(fake_written(), STAMP "mapherd: prog[4242]: warning: 3 of four\n");
    assert_int_equal(fake_calls(FAKE_WRITE), 1); /* one line, one write */
}

static void a_line_of_json(void **state)
{
    (void)state;
    options.log_format = FORMAT_JSON;
    log_start("a\"b");
    log_line_at(LOG_ERROR, EVENT_option, "say \"%s\" \\ \t", "hi");
    const char *line = fake_written();
    assert_non_null(strstr(line, "\"program\":\"a\\\"b\",\"pid\":4242,\"level\":\"error\","));
    assert_non_null(
        strstr(line, "\"event\":\"option\",\"text\":\"say \\\"hi\\\" \\\\ \\u0009\"}\n"));
    assert_int_equal(strncmp(line, "{\"time\":", 8), 0);
}

/* The values of a line have the names that its event gives them. */
static void values_have_names(void **state)
{
    (void)state;
    options.log_format = FORMAT_JSON;
    log_line(EVENT_pressure, "%s, was %s: %ld of %ld%s", "high", "\"calm\"", 9L, -1L, "; more");
    assert_string_equal(fake_written(), ""); /* its usual level is info */
    log_line_at(LOG_WARNING, EVENT_pressure, "%s, was %s: %ld of %ld%s", "high", "\"calm\"", 9L,
                -1L, "; more");
    assert_non_null(strstr(fake_written(), "\"level\":\"warning\",\"event\":\"pressure\","));
    assert_non_null(strstr(fake_written(),
                           "of -1; more\",\"pressure\":\"high\",\"was\":\"\\\"calm\\\"\","
                           "\"maps\":9,\"limit\":-1}\n"));
    log_line(EVENT_maps, "%ld maps, %ld %% of %ld; %s", 5L, 50L, 10L, "f");
    assert_non_null(
        strstr(fake_written(), "\"maps\":5,\"percent\":50,\"limit\":10,\"holders\":\"f\"}\n"));
    log_line(EVENT_fault_in_call, "0x%lx", 0xabcUL);
    assert_non_null(strstr(fake_written(), "\"address\":\"0xabc\"}\n"));
}

/* A value for which the line has no room is left out, and the line stays whole. */
static void values_without_room(void **state)
{
    (void)state;
    static char path[5000];
    memset(path, 'p', sizeof path - 1);
    options.log_format = FORMAT_JSON;
    log_line(EVENT_spill_lost, "%s (error %ld)", path, 5L);
    const char *line = fake_written();
    assert_null(strstr(line, "\"spillfile\""));
    assert_non_null(strstr(line, "\",\"error\":5}\n"));
}

static void levels(void **state)
{
    (void)state;
    log_line_at(LOG_INFO, EVENT_option, "no");
    assert_string_equal(fake_written(), "");
    options.log_level = LOG_INFO;
    log_line_at(LOG_INFO, EVENT_option, "yes");
    assert_non_null(strstr(fake_written(), "info: yes\n"));
    options.log_level = LOG_OFF;
    log_line_at(LOG_ERROR, EVENT_option, "never");
    assert_null(strstr(fake_written(), "never"));
}

static void a_name_cannot_break_the_line(void **state)
{
    (void)state;
    log_start("evil\nmapherd: x/y\x1b");
    log_line(EVENT_option, "text");
    assert_string_equal(fake_written(), STAMP "mapherd: evil?mapherd: x?y?[4242]: warning: text\n");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    log_line_at(LOG_WARNING, EVENT_option, "%s", text);
    size_t len = strlen(fake_written());
    assert_true(len > 600 && len < 800);
    assert_int_equal(fake_written()[len - 1], '\n');
}

/* The program closed its stderr and opened a file of its own there. */
static void not_into_the_programs_file(void **state)
{
    (void)state;
    fake_stderr_mode = S_IFREG;
    fake_stderr_inode = 99;
    log_line_at(LOG_ERROR, EVENT_option, "text");
    assert_string_equal(fake_written(), "");
}

static void into_the_file_it_was_started_with(void **state)
{
    (void)state;
    fake_stderr_mode = S_IFREG;
    fake_stderr_inode = 99;
    log_start("prog");
    log_line_at(LOG_ERROR, EVENT_option, "text");
    assert_string_not_equal(fake_written(), "");
}

/* A place that descriptor 2 was not at start, whatever kind of place it is. */
static void only_where_it_was_at_start(void **state)
{
    (void)state;
    static const mode_t kinds[] = { S_IFIFO, S_IFCHR, S_IFSOCK, S_IFREG, S_IFDIR };
    uint64_t lost = 0;
    log_count_lost(&lost);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        fake_stderr_mode = kinds[i];
        fake_stderr_inode = 7 + i;
        log_line_at(LOG_ERROR, EVENT_option, "text");
    }
    assert_string_equal(fake_written(), "");
    assert_int_equal(lost, COUNT_OF(kinds));
    log_count_lost(NULL);
}

static void a_child_has_a_log_of_its_own(void **state)
{
    (void)state;
    options.log = words_text("/l/%p/%e%%p%");
    log_start("a%pb");
    assert_string_equal(log_path(), "/l/4242/a%pb%4242%");
    fake_pid = 77;
    log_after_fork();
    assert_string_equal(log_path(), "/l/77/a%pb%77%");
}

static void dates(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } known[] = {
        { 0, "1970-01-01T00:00:00Z" },          { 68169599, "1972-02-28T23:59:59Z" },
        { 68169600, "1972-02-29T00:00:00Z" },   { 951782400, "2000-02-29T00:00:00Z" },
        { 951868800, "2000-03-01T00:00:00Z" },  { 1795707089, "2026-11-26T15:31:29Z" },
        { 4107542400, "2100-03-01T00:00:00Z" }, { 253402300799, "9999-12-31T23:59:59Z" },
    };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        assert_string_equal(date_text(known[i].seconds).text, known[i].text);
    for (uint64_t day = 0; day < 200000; day += 13) { /* as libc has it */
        time_t t = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        char text[32];
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
        assert_string_equal(date_text((uint64_t)t).text, text);
    }
}

static void a_full_disk_is_survived(void **state)
{
    (void)state;
    fake_fail(FAKE_WRITE, 0, -ENOSPC);
    log_line_at(LOG_ERROR, EVENT_option, "text");
    assert_int_equal(fake_calls(FAKE_WRITE), 1); /* lost, and not tried again and again */
    fake_fail(FAKE_WRITE, 0, 0);
    options.log = (struct option_text){ "/var/log/%e.%p", 14 };
    log_start("prog");
    fake_fail(FAKE_OPEN, 0, -EROFS);
    log_line_at(LOG_ERROR, EVENT_option, "text");
    const char *said =
        STAMP "mapherd: prog[4242]: warning: the log /var/log/prog.4242 cannot be written: it may "
              "not be written to; lines are lost (mapherd stat counts them)\n";
    assert_string_equal(fake_written(), said);
    fake_fail(FAKE_OPEN, 0, -EROFS);
    log_line_at(LOG_ERROR, EVENT_option, "text");
    assert_string_equal(fake_written(), said); /* once */
}

static void errno_is_the_programs(void **state)
{
    (void)state;
    fake_fail(FAKE_WRITE, 0, -ENOSPC);
    errno = 12345;
    log_line_at(LOG_ERROR, EVENT_option, "text");
    assert_int_equal(errno, 12345);
}

static void rates(void **state)
{
    (void)state;
    struct log_limit limit = { 0 };
    unsigned suppressed = 9;
    assert_true(log_allowed(&limit, 1000, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 5; i++)
        assert_false(log_allowed(&limit, 1000, &suppressed));
    fake_now_ms += 1000;
    assert_true(log_allowed(&limit, 1000, &suppressed));
    assert_int_equal(suppressed, 5);
}

static void silence(void **state)
{
    (void)state;
    log_silence(); /* for good: hence the last test */
    log_line_at(LOG_ERROR, EVENT_option, "text");
    assert_string_equal(fake_written(), "");
    assert_int_equal(fake_calls(FAKE_WRITE) + fake_calls(FAKE_FSTAT), 1); /* log_start's fstat */
}

#define FRESH(test) cmocka_unit_test_setup(test, as_new)

int main(void)
{
    defaults = options;
    const struct CMUnitTest tests[] = {
        FRESH(a_line_of_text),
        FRESH(a_line_of_json),
        FRESH(values_have_names),
        FRESH(values_without_room),
        FRESH(levels),
        FRESH(only_where_it_was_at_start),
        FRESH(a_child_has_a_log_of_its_own),
        FRESH(dates),
        FRESH(a_name_cannot_break_the_line),
        FRESH(long_texts_are_cut),
        FRESH(not_into_the_programs_file),
        FRESH(into_the_file_it_was_started_with),
        FRESH(errno_is_the_programs),
        FRESH(rates),
        FRESH(a_full_disk_is_survived),
        FRESH(silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
