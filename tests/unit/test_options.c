/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * options: defaults, both ways to say them, which of them wins, and what is said of wrong ones.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "common/words.h"
#include "tell/options.h"

static struct options defaults;
static char said[2000];
static int complaints;

static void hear(const char *line)
{
    complaints++;
    strncat(said, line, sizeof said - strlen(said) - 2);
    strcat(said, "\n");
}

static int as_new(void **state)
{
    options = defaults;
    said[0] = '\0';
    complaints = 0;
    return fresh_kernel(state);
}

#define READ(...) options_read((char *[]){ __VA_ARGS__, NULL }, hear)

static void assert_text(struct option_text t, const char *want)
{
    assert_int_equal(t.len, strlen(want));
    assert_memory_equal(t.at, want, t.len);
}

static void the_defaults(void **state)
{
    (void)state;
    READ("PATH=/bin", "MAPHERDX=1", "MAPHERD");
    assert_int_equal(options.mode, MODE_PROTECT);
    assert_int_equal(options.coalesce, COALESCE_AUTO);
    assert_text(options.warn, "60,80,90");
    assert_text(options.log, "stderr");
    assert_int_equal(complaints, 0);
    options_read(NULL, hear);
    assert_int_equal(complaints, 0);
}

/* Every row of the table, with every word it knows. */
static void every_word_is_taken(void **state)
{
    (void)state;
    for (size_t n = 0; n < option_count; n++) {
        struct option_row row = option_row(n);
        char setting[200];
        if (row.check) {
            assert_true(row.check(row.fallback, row.form));
            continue;
        }
        int number = 0;
        for (const char *word = row.form; word; number++) {
            size_t len = strcspn(word, "|");
            snprintf(setting, sizeof setting, "%s=%.*s", row.env, (int)len, word);
            READ(setting);
            assert_int_equal(*(int *)((char *)&options + row.field), number);
            word = word[len] ? word + len + 1 : NULL;
        }
    }
    assert_int_equal(complaints, 0);
}

static void names_are_consistent(void **state)
{
    (void)state;
    for (size_t n = 0; n < option_count; n++) {
        struct option_row row = option_row(n);
        char env[80] = "MAPHERD_";
        size_t at = strlen(env);
        for (const char *c = row.name; *c; c++)
            env[at++] = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        env[at] = '\0';
        assert_string_equal(row.env, env);
        assert_true(strlen(row.help) > 10);
        for (size_t m = 0; m < n; m++)
            assert_string_not_equal(row.name, option_row(m).name);
    }
}

static void a_list_and_who_wins(void **state)
{
    (void)state;
    READ("MAPHERD_MODE=protect", "MAPHERD_OPTIONS=mode=observe:coalesce=off::log=/tmp/a:");
    assert_int_equal(options.mode,
                     MODE_PROTECT); /* the variable of its own, though it came first */
    assert_int_equal(options.coalesce, COALESCE_OFF);
    assert_text(options.log, "/tmp/a");
    assert_int_equal(complaints, 0);
}

static void the_limit_only(void **state)
{
    (void)state;
    READ("MAPHERD_MODE=limit");
    assert_text(options.prealloc, "off");
    assert_text(options.sigbus, "off");
    assert_int_equal(options.sync, SYNC_PLAIN);
    assert_int_equal(options.coalesce, COALESCE_AUTO);
    options = defaults;
    READ("MAPHERD_PREALLOC=strict", "MAPHERD_OPTIONS=mode=limit:sync=auto", "MAPHERD_COLD=auto");
    assert_text(options.prealloc, "strict");
    assert_text(options.sigbus, "report");
    assert_int_equal(options.sync, SYNC_AUTO);
    options = defaults;
    READ("MAPHERD_MODE=protect", "MAPHERD_OPTIONS=mode=limit");
    assert_text(options.prealloc, "auto");
    assert_text(options.sigbus, "auto");
    assert_int_equal(options.sync, SYNC_AUTO);
    assert_int_equal(complaints, 0);
}

static void a_path_may_hold_a_colon(void **state)
{
    (void)state;
    READ("MAPHERD_LOG=/tmp/a:b=c");
    assert_text(options.log, "/tmp/a:b=c");
}

#define TAKES(option, setting, want)                               \
    do {                                                           \
        options = defaults;                                        \
        READ(setting);                                             \
        if (options.option != (want) || complaints)                \
            fail_msg("%s: %d, %s", setting, options.option, said); \
    } while (0)

/* What people write for on and off. */
static void words_are_understood(void **state)
{
    (void)state;
    static const char *const yes[] = { "on", "ON", "true", "True", "yes", "1", "enabled" };
    static const char *const no[] = { "off", "Off", "false", "FALSE", "no", "0", "none" };
    char setting[80];
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        snprintf(setting, sizeof setting, "MAPHERD_LEAKS=%s", yes[i]);
        TAKES(leaks, setting, LEAKS_ON);
        snprintf(setting, sizeof setting, "MAPHERD_GUARDS=%s", yes[i]);
        TAKES(guards, setting, GUARDS_ON);
        snprintf(setting, sizeof setting, "MAPHERD_COLD=auto,/a=%s", yes[i]);
        READ(setting);
        assert_text(options.cold, "auto,/a=on");
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        snprintf(setting, sizeof setting, "MAPHERD_CHILDREN=%s", no[i]);
        TAKES(children, setting, CHILDREN_OFF);
        snprintf(setting, sizeof setting, "MAPHERD_COALESCE=%s", no[i]);
        TAKES(coalesce, setting, COALESCE_OFF);
        snprintf(setting, sizeof setting, "MAPHERD_SIGBUS=%s,/b*=Convert", no[i]);
        READ(setting);
        assert_text(options.sigbus, "off,/b*=convert");
        snprintf(setting, sizeof setting, "MAPHERD_DIR=%s", no[i]);
        READ(setting);
        assert_text(options.dir, "off");
        snprintf(setting, sizeof setting, "MAPHERD_OPTIONS=metrics=%s:show_limit=%s", no[i], no[i]);
        READ(setting);
        assert_text(options.metrics, "");
        assert_text(options.show_limit, "");
    }
    TAKES(mode, "MAPHERD_MODE=Observe", MODE_OBSERVE);
}

/* What cannot be on or off is answered with what may be meant. */
static void the_right_word_is_named(void **state)
{
    (void)state;
    static const struct {
        char *setting, *answer;
    } wrong[] = {
        { "MAPHERD_MODE=off", "the nearest is 'observe'; " },
        { "MAPHERD_MODE=1", "the nearest is 'protect'; " },
        { "MAPHERD_SYNC=no", "the nearest is 'plain'; " },
        { "MAPHERD_COALESCE=true", "the nearest is 'auto'; " },
        { "MAPHERD_PREALLOC=auto,/a=yes", "the nearest is 'auto'; " },
        { "MAPHERD_RESERVE=off", "PERCENT%|MAPS; 0 switches it off; the default is 2%" },
        { "MAPHERD_SYNC_SLOW=never", "MILLISECONDS; the default is 1000" },
        { "MAPHERD_SYNC_SLOW=no", "MILLISECONDS; 0 switches it off; the default is 1000" },
        { "MAPHERD_SPILL_DIR=off", "spill_max=0 keeps nothing; the default is none" },
        { "MAPHERD_LOG=yes", "log_level=info writes more lines; the default is stderr" },
        { "MAPHERD_METRICS=on", "'on' is not of the form /DIR; the default is none" },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        READ(wrong[i].setting);
        if (complaints != (int)i + 1 || !strstr(said, wrong[i].answer))
            fail_msg("%s: %s", wrong[i].setting, said);
    }
    assert_memory_equal(&options, &defaults, sizeof options);
}

static void wrong_ones_are_named(void **state)
{
    (void)state;
    READ("MAPHERD_MOED=observe", "MAPHERD_MODE=obsrve", "MAPHERD_WARN=90,80", "MAPHERD_DIR=records",
         "MAPHERD_OPTIONS=colaesce=off:mode");
    assert_int_equal(complaints, 6);
    assert_non_null(strstr(said, "unknown option 'moed'; the nearest is 'mode'; "));
    assert_non_null(
        strstr(said, "'obsrve' is not one of protect|limit|observe; the nearest is 'observe'"));
    assert_non_null(
        strstr(said, "'90,80' is not of the form PERCENT,...; the default is 60,80,90"));
    assert_non_null(
        strstr(said, "'records' is not of the form /DIR[/NAME]|off; the default is none"));
    assert_non_null(strstr(said, "unknown option 'colaesce'; the nearest is 'coalesce'"));
    assert_non_null(strstr(said, "'mode' is not of the form name=value"));
    int ends = 0;
    for (const char *at = said; (at = strstr(at, "; the list of options: mapherd help options\n"));
         at++)
        ends++;
    assert_int_equal(ends, complaints);
    assert_memory_equal(&options, &defaults, sizeof options);
}

static void rubbish_is_survived(void **state)
{
    (void)state;
    static char lengthy[5000] = "MAPHERD_";
    memset(lengthy + 8, 'A', sizeof lengthy - 9);
    lengthy[100] = '=';
    READ(lengthy, "MAPHERD_=", "MAPHERD_MODE=", "MAPHERD_\x01\xff=\n\x02",
         "MAPHERD_OPTIONS==:=:::=x:", "MAPHERD_LOG_LEVEL=\x7f\x1b[2J");
    assert_true(complaints >= 5);
    for (const char *c = said; *c; c++)
        assert_true(*c == '\n' || (*c >= ' ' || *c < 0)); /* no control character gets into a log */
    assert_null(strchr(said, 0x7f));
    assert_memory_equal(&options, &defaults, sizeof options);
}

/* A value that each text option accepts. */
static const char *valid_text(const struct option_row *row)
{
    static const char *const values[] = { "/tmp/a", "7", "strict", "convert", "20,30", "off" };
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (row->check(words_text(values[i]), row->form))
            return values[i];
    fail_msg("no value for %s", row->name);
    return "";
}

/* The memory of the environment is the program's: it is written over once all is read. */
static void texts_are_copied(void **state)
{
    (void)state;
    for (int listed = 0; listed < 2; listed++) {
        for (size_t n = 0; n < option_count; n++) {
            struct option_row row = option_row(n);
            char setting[200];
            if (!row.check)
                continue;
            const char *value = valid_text(&row);
            if (listed)
                snprintf(setting, sizeof setting, "MAPHERD_OPTIONS=%s=%s:mode=observe", row.name,
                         value);
            else
                snprintf(setting, sizeof setting, "%s=%s", row.env, value);
            READ(setting);
            memset(setting, 'x', sizeof setting);
            assert_text(*(struct option_text *)((char *)&options + row.field), value);
        }
    }
    assert_int_equal(complaints, 0);
}

static void a_text_without_room_is_named(void **state)
{
    (void)state;
    static char lengthy[OPTIONS_TEXT_MAX + 100] = "MAPHERD_SKIP=";
    memset(lengthy + strlen(lengthy), 'a', OPTIONS_TEXT_MAX);
    READ(lengthy, "MAPHERD_ONLY=b");
    assert_int_equal(complaints, 1);
    assert_non_null(strstr(said, "option skip: 'aaaa"));
    assert_non_null(strstr(said, "are longer than 16384 bytes"));
    assert_text(options.skip, "");
    assert_text(options.only, "b");
}

static void check_agrees_with_read(void **state)
{
    (void)state;
    char why[300];
#define T(s) (struct option_text){ s, sizeof(s) - 1 }
    assert_true(options_check(T("mode"), T("observe"), why, sizeof why));
    assert_false(options_check(T("mode"), T("watch"), why, sizeof why));
    assert_false(options_check(T("MODE"), T("observe"), why, sizeof why));
    assert_false(options_check(T("log"), T(""), why, sizeof why));
    assert_true(options_check(T("only"), T(""), why, sizeof why));
    assert_memory_equal(&options, &defaults, sizeof options); /* a check stores nothing */
}

static void percents(void **state)
{
    (void)state;
    int p[4];
    assert_int_equal(options_percents(T("60,80,90"), p, 4), 3);
    assert_int_equal(p[0] * 10000 + p[1] * 100 + p[2], 608090);
    assert_int_equal(options_percents(T("1"), p, 4), 1);
    assert_int_equal(options_percents(T("100"), p, 4), 1);
    static const char *const wrong[] = { "",      "0",      "101", "80,60",
                                         "60,60", "60,,80", ",60", "60,",
                                         "x",     "60 ",    "-1",  "99999999999999999999" };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(options_percents((struct option_text){ wrong[i], strlen(wrong[i]) }, p, 4),
                         -1);
    assert_true(options_percents(T("1,2,3,4,5,6"), p, 4) <= 4); /* no more than there is room for */
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(options_size(T("0")), 0);
    assert_int_equal(options_size(T("4097")), 4097);
    assert_int_equal(options_size(T("3K")), 3 << 10);
    assert_int_equal(options_size(T("5T")), 5LL << 40);
    static const char *const two[] = {
        "2G", "2g", "2GB", "2gb", "2GiB", "2gib", "2 GB", "2097152K"
    };
    for (size_t i = 0; i < COUNT_OF(two); i++)
        assert_int_equal(options_size(words_text(two[i])), 2LL << 30);
    assert_int_equal(options_size(T("512B")), 512);
    assert_int_equal(options_share(T("1MiB"), 1000), 1 << 20);
    assert_int_equal(options_size((struct option_text){ "2G,", 2 }), 2LL << 30);
    assert_int_equal(options_size((struct option_text){ "25", 1 }), -1); /* not past its end */
    static const char *const wrong[] = { "",
                                         "K",
                                         "-1",
                                         "1iB",
                                         "KB",
                                         "1KX",
                                         "1P",
                                         "1.5G",
                                         " 1",
                                         "1 ",
                                         "1  G",
                                         "8388608T",
                                         "99999999999999999999" };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(options_size((struct option_text){ wrong[i], strlen(wrong[i]) }), -1);
    assert_int_equal(options_share(T("5%"), 1000), 50);
    assert_int_equal(options_limit(T("1")), 1);
    assert_int_equal(options_limit(T("2147483647")), INT32_MAX);
    static const char *const no_limits[] = { "", "0", "-1", "2147483648", "1e6", "65530 ", "many" };
    for (size_t i = 0; i < sizeof no_limits / sizeof *no_limits; i++)
        assert_int_equal(options_limit(T(no_limits[i])), -1);
    assert_int_equal(options_share(T("100%"), INT64_MAX), INT64_MAX);
    assert_int_equal(options_share(T("1M"), 1000), 1 << 20);
    assert_int_equal(options_share(T("101%"), 1), -1);
    assert_int_equal(options_share(T("%"), 1), -1);
    assert_int_equal(options_share(T("5K%"), 1), -1);
}

/* The option's number for a path. */
static int chosen(const char *path)
{
    return rules_choose(options.prealloc, path, PREALLOC_WORDS);
}

static void a_word_for_every_path(void **state)
{
    (void)state;
    assert_int_equal(chosen("/a"), PREALLOC_AUTO);
    assert_false(rules_ask_path(options.prealloc));
    READ("MAPHERD_PREALLOC=strict");
    assert_int_equal(chosen("/a"), PREALLOC_STRICT);
    assert_int_equal(chosen(NULL), PREALLOC_STRICT);
    READ("MAPHERD_OPTIONS=prealloc=off,/data/*.mdb=strict,/data/*=auto,*=x=off:mode=protect");
    assert_true(rules_ask_path(options.prealloc));
    assert_int_equal(chosen("/data/sub/a.mdb"), PREALLOC_STRICT); /* the first that matches */
    assert_int_equal(chosen("/data/sub/a.db"), PREALLOC_AUTO);
    assert_int_equal(chosen("/other"), PREALLOC_OFF);
    assert_int_equal(chosen(NULL), PREALLOC_OFF);
    assert_int_equal(complaints, 0);
}

static void wrong_rules_are_named(void **state)
{
    (void)state;
    READ("MAPHERD_PREALLOC=strct");
    assert_non_null(strstr(said,
                           "prealloc: 'strct' is not a word of auto|strict|off[,GLOB=WORD,...]; "
                           "the nearest is 'strict'"));
    READ("MAPHERD_SIGBUS=auto,/x/*=rport");
    assert_non_null(strstr(said, "sigbus: 'rport' is not a word of auto|convert|report|off"));
    assert_non_null(strstr(said, "the nearest is 'report'"));
    READ("MAPHERD_PREALLOC=/x=off");
    assert_non_null(strstr(said, "'/x=off' is not of the form auto|strict|off[,"));
    assert_int_equal(complaints, 3);
    READ("MAPHERD_PREALLOC=", "MAPHERD_PREALLOC=auto,", "MAPHERD_PREALLOC=auto,off",
         "MAPHERD_PREALLOC=auto,=off",
         "MAPHERD_PREALLOC=auto,/x=", "MAPHERD_PREALLOC=auto,,/x=off");
    assert_int_equal(complaints, 9);
    assert_memory_equal(&options, &defaults, sizeof options);
}

static void glob_lists(void **state)
{
    (void)state;
    assert_true(options_glob_list(T("sh,java*"), "javac"));
    assert_true(options_glob_list(T("sh,java*"), "sh"));
    assert_false(options_glob_list(T("sh,java*"), "bash"));
    assert_false(options_glob_list(T(""), ""));
    assert_false(options_glob_list(T(",,"), ""));
}

static void lists_its_variables(void **state)
{
    char *const variables[] = { "PATH=/bin", "MAPHERD_DIR=/x", "MAPHERD_", "MAPHERD_COLD=", NULL };
    static const char all[] = "MAPHERD_DIR=/x\0MAPHERD_COLD=\0";
    char text[64];
    (void)state;
    assert_int_equal(options_list(variables, text, sizeof text), sizeof all);
    assert_memory_equal(text, all, sizeof all);
    memset(text, 'x', sizeof text);
    assert_int_equal(options_list(variables, text, sizeof all - 1), sizeof all);
    assert_string_equal(text, "MAPHERD_DIR=/x");
    assert_memory_equal(text + 15, "\0x", 2); /* what does not fit is left out */
    assert_int_equal(options_list(NULL, text, sizeof text), 1);
    assert_string_equal(text, "");
}

#define FRESH(test) cmocka_unit_test_setup(test, as_new)

int main(void)
{
    defaults = options;
    const struct CMUnitTest tests[] = {
        FRESH(the_defaults),
        FRESH(every_word_is_taken),
        FRESH(names_are_consistent),
        FRESH(a_list_and_who_wins),
        FRESH(the_limit_only),
        FRESH(a_path_may_hold_a_colon),
        FRESH(words_are_understood),
        FRESH(the_right_word_is_named),
        FRESH(wrong_ones_are_named),
        FRESH(rubbish_is_survived),
        FRESH(texts_are_copied),
        FRESH(a_text_without_room_is_named),
        FRESH(check_agrees_with_read),
        FRESH(percents),
        FRESH(sizes),
        FRESH(a_word_for_every_path),
        FRESH(wrong_rules_are_named),
        FRESH(glob_lists),
        FRESH(lists_its_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
