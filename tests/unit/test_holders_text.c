/*
 * holders_text: the words for who holds the maps.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "tell/holders.h"

static uint64_t memory[100000];
static struct holders holders;
static char words[512];

static void start(void)
{
    memset(memory, 0, sizeof memory);
    holders_start(&holders, memory, sizeof memory);
}

static void add(uint64_t inode, const char *path, int maps)
{
    struct procmap m = {
        .start = 1, .end = 2, .inode = inode, .path = path, .path_len = strlen(path)
    };
    while (maps-- > 0)
        holders_add(&holders, &m);
}

static const char *told(void)
{
    memset(words, 'x', sizeof words);
    holders_text(&holders, words, sizeof words);
    return words;
}

static void single_files(void **state)
{
    (void)state;
    start();
    add(0, "", 12);
    assert_string_equal(told(), "most are held by 12 of no file");
    add(1, "/a", 20);
    add(2, "/b", 3);
    assert_string_equal(told(), "most are held by /a (20), /b (3) and 12 of no file");
}

/* Nine in ten of the files have a suffix of their own, and come in between. */
static void a_suffix_among_many(void **state)
{
    (void)state;
    char path[64];
    start();
    for (uint64_t i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, i % 10 ? "/x/f.%d" : "/x/%d.dvd (deleted)", (int)i);
        add(i + 1, path, i % 10 ? 1 : 3);
    }
    add(0, "", 50);
    assert_non_null(strstr(told(), "300 of 1250 are of *.dvd (deleted); most are held by /x/"));
    assert_non_null(strstr(told(), "0.dvd (deleted) (3) and 50 of no file"));
}

static bool tells(const char *what)
{
    return strstr(told(), what);
}

static void when_a_kind_is_worth_it(void **state)
{
    (void)state;
    start();
    add(1, "/a.idx", 10);
    assert_false(tells("*.idx")); /* one file, and it is named */
    add(2, "/b.idx", 10);
    assert_true(tells("20 of 20 are of *.idx; most"));
    add(0, "", 79);
    assert_true(tells("20 of 99 are of *.idx; most"));
    add(0, "", 21);
    assert_false(tells("*.idx")); /* less than a fifth */
    add(3, "/c.idx (deleted)", 200);
    assert_true(tells("200 of 320 are of deleted files; most"));
    add(4, "/d.idx (deleted)", 1);
    assert_true(tells("201 of 321 are of *.idx (deleted); most"));
    add(5, "/e (deleted)", 200);
    assert_true(tells("201 of 521 are of *.idx (deleted); 200 of 521 are of other deleted files"));
}

static void what_is_no_suffix(void **state)
{
    (void)state;
    start();
    add(1, "/x.d/a", 10);
    add(2, "/x.d/b", 10);
    add(3, "/x/.hidden", 10);
    add(4, "/y/.hidden", 10);
    add(5, "/y/ends.", 10);
    add(6, "/x/ends.", 10);
    add(7, "/x/a.longer_than_any_suffix", 10);
    add(8, "/y/a.longer_than_any_suffix", 10);
    add(9, "/memfd:a (deleted)", 10);
    add(10, "/memfd:b (deleted)", 10);
    assert_false(tells(" are of "));
}

static void of_long_paths_the_end(void **state)
{
    (void)state;
    char path[400];
    start();
    memset(path, 'p', sizeof path);
    strcpy(path + 300, "/end");
    path[0] = '/';
    for (uint64_t i = 1; i < 6; i++)
        add(i, path, 10);
    assert_true(tells("ppp/end (10), ..."));
    assert_true(tells(" and 0 of no file"));
}

static void any_buffer(void **state)
{
    (void)state;
    start();
    for (uint64_t i = 1; i < 6; i++)
        add(i, "/some/where.x (deleted)", 10);
    size_t whole = strlen(told());
    for (size_t size = 1; size < whole + 3; size++) {
        memset(words, 'x', sizeof words);
        holders_text(&holders, words, size);
        assert_int_equal(strlen(words), size <= whole ? size - 1 : whole);
        assert_int_equal(words[size > whole ? whole + 1 : size], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(single_files),      UNIT(a_suffix_among_many),   UNIT(when_a_kind_is_worth_it),
        UNIT(what_is_no_suffix), UNIT(of_long_paths_the_end), UNIT(any_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
