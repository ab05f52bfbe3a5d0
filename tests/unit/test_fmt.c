/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fmt: the formats it knows, cutting, numbers, globs.
 */
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/fmt.h"

static void same_as_printf(void **state)
{
    (void)state;
    char ours[200], theirs[200];
    size_t n = fmt(ours, sizeof ours, "%s|%c|%d|%u|%ld|%lu|%zu|%x|%lx|%%", "text", 'c', INT_MIN,
                   UINT_MAX, LONG_MIN, ULONG_MAX, (size_t)-1, 0xabcu, 0xdeadbeefcafeUL);
    int m = snprintf(theirs, sizeof theirs, "%s|%c|%d|%u|%ld|%lu|%zu|%x|%lx|%%", "text", 'c',
                     INT_MIN, UINT_MAX, LONG_MIN, ULONG_MAX, (size_t)-1, 0xabcu, 0xdeadbeefcafeUL);
    assert_string_equal(ours, theirs);
    assert_int_equal(n, m);
    fmt(ours, sizeof ours, "%d %ld %x", 0, 0L, 0);
    assert_string_equal(ours, "0 0 0");
}

static void null_is_named(void **state)
{
    (void)state;
    char out[20];
    const char *volatile nothing = NULL;
    fmt(out, sizeof out, "<%s>", nothing);
    assert_string_equal(out, "<(null)>");
}

static void cuts_at_every_size(void **state)
{
    (void)state;
    static const char whole[] = "ab1234567890cd";
    for (size_t size = 1; size <= sizeof whole + 1; size++) {
        char out[sizeof whole + 2];
        memset(out, 'X', sizeof out);
        size_t n = fmt(out, size, "a%c%s%lucd", 'b', "", 1234567890UL);
        size_t want = size - 1 < sizeof whole - 1 ? size - 1 : sizeof whole - 1;
        assert_int_equal(n, want);
        assert_memory_equal(out, whole, want);
        assert_int_equal(out[want], '\0');
        for (size_t i = want + 1; i < sizeof out; i++)
            assert_int_equal(out[i], 'X'); /* nothing behind the end is touched */
    }
}

static void unknown_is_shown(void **state)
{
    (void)state;
    char out[40];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
    fmt(out, sizeof out, "%d %f %d", 1, 2.0, 3);
#pragma GCC diagnostic pop
    assert_string_equal(out, "1 %f %d");
}

static void reads_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
        size_t used;
    } cases[] = {
        { "0", true, 0, 1 },
        { "65530\n", true, 65530, 5 },
        { "18446744073709551615", true, UINT64_MAX, 20 },
        { "18446744073709551616", false, 0, 0 },
        { "99999999999999999999999", false, 0, 0 },
        { "", false, 0, 0 },
        { "-1", false, 0, 0 },
        { " 1", false, 0, 0 },
        { "12x", true, 12, 2 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *at = cases[i].text;
        uint64_t value = 77;
        assert_int_equal(fmt_read_u64(&at, &value), cases[i].good);
        assert_int_equal(at - cases[i].text, cases[i].used);
        assert_int_equal(value, cases[i].good ? cases[i].value : 77);
    }
}

static void globs(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        { "java", "java", true },
        { "java", "javac", false },
        { "jav", "java", false },
        { "java*", "javac", true },
        { "*", "", true },
        { "", "", true },
        { "", "a", false },
        { "?", "", false },
        { "?ava", "java", true },
        { "*a*b*c", "xaxbxbxc", true },
        { "*a*b*c", "xaxcxb", false },
        { "a**b", "ab", true },
        { "*.jar", "x.jar.jar", true },
        { "[ab]", "a", false },
        { "[ab]", "[ab]", true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (fmt_glob(cases[i].pattern, strlen(cases[i].pattern), cases[i].text) != cases[i].matches)
            fail_msg("'%s' on '%s'", cases[i].pattern, cases[i].text);
    assert_true(fmt_glob("java,x", 4, "java")); /* the length rules, not the NUL */
}

/* A pattern that a backtracking matcher would need years for. */
static void globs_stay_quick(void **state)
{
    (void)state;
    char text[4096], pattern[200];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 1] = 'b';
    assert_false(fmt_glob(pattern, sizeof pattern, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(same_as_printf), UNIT(null_is_named), UNIT(cuts_at_every_size), UNIT(unknown_is_shown),
        UNIT(reads_numbers),  UNIT(globs),         UNIT(globs_stay_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
