/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * procmaps: lines of every kernel we know, lines that are none, reading in any portions.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "kernel/procmaps.h"

static const char list[] =
    "00400000-00401000 r-xp 00000000 08:01 12                                 /bin/a\n"
    "7f0000000000-7f0000001000 rw-s 1fff00001000 fd:1f 18446744073709551615   /a b\\012c (deleted)\n"
    "7ffd0000-7ffd1000 ---p 00000000 00:00 0 \n"
    "7ffd1000-7ffd2000 rw-p 00000000 00:00 0                                  [stack]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static bool parse(const char *line, struct procmap *m)
{
    return procmaps_parse(line, strlen(line), m);
}

static void fields(void **state)
{
    (void)state;
    struct procmap m;
    assert_true(parse("7f0000000000-7f0000001000 rw-s 1fff00001000 fd:1f 77   /a b (deleted)", &m));
    assert_int_equal(m.start, 0x7f0000000000);
    assert_int_equal(m.end, 0x7f0000001000);
    assert_int_equal(m.offset, 0x1fff00001000);
    assert_int_equal(m.inode, 77);
    assert_int_equal(m.dev_major, 0xfd);
    assert_int_equal(m.dev_minor, 0x1f);
    assert_true(m.read && m.write && !m.exec && m.shared);
    assert_int_equal(m.path_len, strlen("/a b (deleted)"));
    assert_memory_equal(m.path, "/a b (deleted)", m.path_len);
    assert_true(parse("1000-2000 --xp 00000000 00:00 0", &m));
    assert_true(!m.read && !m.write && m.exec && !m.shared);
    assert_int_equal(m.path_len, 0);
}

static void not_lines(void **state)
{
    (void)state;
    struct procmap m;
    static const char whole[] = "00400000-00401000 r-xp 00000000 08:01 12";
    for (size_t len = 0; len < sizeof whole - 3; len++)
        if (procmaps_parse(whole, len, &m) && len < sizeof whole - 3)
            fail_msg("the first %zu bytes passed", len);
    static const char *const wrong[] = {
        "00401000-00400000 r-xp 00000000 08:01 12",
        "00400000-00400000 r-xp 00000000 08:01 12",
        "004000000000000000-1 r-xp 0 08:01 12",
        "0040000g-00401000 r-xp 00000000 08:01 12",
        "00400000 00401000 r-xp 00000000 08:01 12",
        "00400000-00401000 r-xp00000000 08:01 12",
        "00400000-00401000 r-xp 00000000 0801 12",
        "00400000-00401000 r-xp 00000000 08:01 x",
        "",
        " ",
        "\n",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (parse(wrong[i], &m))
            fail_msg("passed: '%s'", wrong[i]);
}

struct seen {
    int lines, counted, stop_after;
    char paths[400];
};

static bool note(const struct procmap *m, void *context)
{
    struct seen *s = context;
    s->lines++;
    s->counted += procmaps_counts(m);
    snprintf(s->paths + strlen(s->paths), sizeof s->paths - strlen(s->paths), "%s;", m->path);
    return s->lines != s->stop_after;
}

/* However little a read gives, the lines are the same. */
static void any_portions(void **state)
{
    char buf[8192];
    for (size_t chunk = 1; chunk < 120; chunk++) {
        struct seen s = { 0 };
        fresh_kernel(state);
        fake_text("/maps", list, chunk);
        assert_int_equal(procmaps_scan("/maps", buf, sizeof buf, note, &s), 5);
        assert_int_equal(s.counted, 4); /* [vsyscall] does not count */
        assert_string_equal(s.paths, "/bin/a;/a b\\012c (deleted);;[stack];[vsyscall];");
    }
}

static void stops_when_told(void **state)
{
    (void)state;
    char buf[8192];
    struct seen s = { .stop_after = 2 };
    fake_text("/maps", list, 0);
    assert_int_equal(procmaps_scan("/maps", buf, sizeof buf, note, &s), 2);
    assert_int_equal(s.lines, 2);
}

static void errors_come_back(void **state)
{
    (void)state;
    char buf[8192];
    struct seen s = { 0 };
    assert_int_equal(procmaps_scan("/none", buf, sizeof buf, note, &s), -ENOENT);
    fake_text("/torn", "00400000-00401000 r-xp 00000000 08:01 12 /a\n00400", 0);
    assert_int_equal(procmaps_scan("/torn", buf, sizeof buf, note, &s), -EINVAL);
    fake_text("/bad", "hello\n", 0);
    assert_int_equal(procmaps_scan("/bad", buf, sizeof buf, note, &s), -EINVAL);
    fake_text("/maps", list, 0);
    fake_fail(FAKE_READ, 0, -EACCES);
    assert_int_equal(procmaps_scan("/maps", buf, sizeof buf, note, &s), -EACCES);
}

static void a_line_too_long(void **state)
{
    (void)state;
    static char text[20000];
    static char buf[8192];
    struct seen s = { 0 };
    strcpy(text, "1000-2000 r--p 00000000 08:01 12 /");
    memset(text + strlen(text), 'x', sizeof text - 100);
    strcat(text, "\n");
    fake_text("/maps", text, 0);
    assert_int_equal(procmaps_scan("/maps", buf, sizeof buf, note, &s), -EINVAL);
}

/* A descriptor that is left open would run the fake out of them. */
static void closes_what_it_opens(void **state)
{
    (void)state;
    char buf[8192];
    fake_text("/maps", list, 0);
    fake_text("/bad", "hello\n", 0);
    for (int i = 0; i < 3000; i++) {
        struct seen s = { .stop_after = 1 };
        procmaps_scan(i % 2 ? "/maps" : "/bad", buf, sizeof buf, note, &s);
    }
}

static void the_limit(void **state)
{
    (void)state;
    fake_text("/a", "65530\n", 0);
    fake_text("/b", "-1\n", 0);
    fake_text("/c", "", 0);
    fake_text("/d", "2147483647", 1000);
    assert_int_equal(procmaps_limit("/a"), 65530);
    assert_int_equal(procmaps_limit("/b"), -EINVAL);
    assert_int_equal(procmaps_limit("/c"), -EINVAL);
    assert_int_equal(procmaps_limit("/d"), 2147483647);
    assert_int_equal(procmaps_limit("/none"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(fields),
        UNIT(not_lines),
        UNIT(any_portions),
        UNIT(stops_when_told),
        UNIT(errors_come_back),
        UNIT(a_line_too_long),
        UNIT(closes_what_it_opens),
        UNIT(the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
