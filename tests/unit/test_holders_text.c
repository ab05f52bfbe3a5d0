/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holders_rows, holders_text: the words for what holds the maps.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "tell/holders.h"

static uint64_t memory[4000000];
static struct holders holders;
static uint64_t files, at; /* the last file's inode, and where the last VMA ended */
static char words[512];

static void start(void)
{
    memset(memory, 0, sizeof memory);
    holders_start(&holders, memory, sizeof memory);
    files = 0;
    at = 0x10000;
}

static void add_map(struct procmap m, const char *path, uint64_t pages)
{
    m.start = at;
    m.end = at += pages * 0x1000;
    m.path = path;
    m.path_len = strlen(path);
    holders_add(&holders, &m);
}

/* Maps of one file, or of no file, apart from each other. */
static void add(uint64_t inode, const char *path, int maps)
{
    for (; maps > 0; maps--) {
        at += 0x1000;
        add_map((struct procmap){ .inode = inode, .read = true }, path, 1);
    }
}

/* n files with so many maps each; format has a %d for the number of the file. */
static void add_files(const char *format, int n, int maps)
{
    char path[400];
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, format, i);
        add(++files, path, maps);
    }
}

static const char *told(void)
{
    struct holding rows[3];
    size_t n = holders_rows(&holders, rows, 3);
    memset(words, 'x', sizeof words);
    holders_text(&holders, rows, n, words, sizeof words);
    return words;
}

#define TOLD(text) assert_string_equal(told(), text)

static void memory_of_no_file(void **state)
{
    (void)state;
    start();
    TOLD("");
    add(0, "", 12);
    add(0, "[anon:Go: heap]", 1);
    TOLD("13 of 13 are of anonymous memory");
    /* Each of them has an inode of its own. */
    add_files("/dev/zero (deleted)", 200, 1);
    TOLD("200 of 213 are of shared anonymous memory, 13 of anonymous memory");
    add_files("/SYSV0000%d (deleted)", 200, 2);
    TOLD("400 of 613 are of System V shared memory, 200 of shared anonymous memory");
    add_files("/anon_hugepage (deleted)", 700, 1);
    assert_non_null(strstr(told(), "700 of 1313 are of anonymous huge pages, "));
    add_files("/memfd:mapherd-cold (deleted)", 1, 8000);
    assert_non_null(strstr(told(), "8000 of 9313 are of cold mappings, "));
}

static void stacks(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 50; i++) { /* side by side: guard, stack, guard, stack */
        add_map((struct procmap){ 0 }, "", 1);
        add_map((struct procmap){ .read = true, .write = true }, "", 16);
    }
    TOLD("100 of 100 are of memory with guard pages, such as stacks of fibers");
    holders.threads = 44;
    TOLD("100 of 100 are of memory with guard pages, such as stacks of fibers");
    holders.threads = 45;
    TOLD("100 of 100 are of stacks of threads, with their guard pages");
    assert_int_equal(holders.of[MEMORY_GUARDED].bytes, 50 * 17 * 0x1000);
    assert_int_equal(holders.of[MEMORY_PRIVATE].bytes, 0);
    /* The other way round, apart, read-only, or with too large a guard they are no stacks. */
    for (int i = 0; i < 50; i++) {
        add_map((struct procmap){ .read = true, .write = true }, "", 16);
        add_map((struct procmap){ 0 }, "", 1);
        at += 0x1000;
        add_map((struct procmap){ .read = true, .write = true }, "", 16);
        add_map((struct procmap){ 0 }, "", 1);
        add_map((struct procmap){ .read = true }, "", 16);
        add_map((struct procmap){ 0 }, "", 257);
        add_map((struct procmap){ .read = true, .write = true }, "", 16);
    }
    TOLD("350 of 450 are of anonymous memory, 100 of stacks of threads, with their guard pages");
}

/* Libraries with five maps each are not what holds a process's maps. */
static void no_libraries(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 3; i++)
        add_files("/usr/lib/lib%d.so.6", 1, 5);
    add_files("/dev/zero (deleted)", 39282, 1);
    TOLD("39282 of 39297 are of shared anonymous memory");
}

static void kinds_under_folders(void **state)
{
    (void)state;
    start();
    add_files("/data/index/a/%d.dvd (deleted)", 600, 1);
    add_files("/data/index/b/%d.dvd (deleted)", 600, 1);
    TOLD("1200 of 1200 are of *.dvd (deleted) under /data/index");
    add_files("/tmp/%d.dvd (deleted)", 100, 1); /* the number is of those under the folder */
    TOLD("1200 of 1300 are of *.dvd (deleted) under /data/index");
    add_files("/tmp/more/%d.dvd (deleted)", 100, 1);
    TOLD("1400 of 1400 are of *.dvd (deleted)");
    add_files("/data/index/a/%d.dvd", 300, 1); /* these are there */
    TOLD("1400 of 1700 are of *.dvd (deleted), 300 of *.dvd under /data/index/a");
    add(0, "", 300);
    assert_non_null(strstr(told(), ", 300 of anonymous memory"));
    start();
    add_files("/%d.dvd", 600, 1);
    TOLD("600 of 600 are of *.dvd");
}

/* Nine in ten of the files have a suffix of their own, and come in between. */
static void a_suffix_among_many(void **state)
{
    (void)state;
    char path[64];
    start();
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, i % 10 ? "/x/f.s%d" : "/x/%d.dvd (deleted)", i);
        add(++files, path, i % 10 ? 1 : 3);
    }
    add(0, "", 50);
    TOLD("900 of 1250 are of files under /x, 300 of *.dvd (deleted) under /x");
}

static void single_files(void **state)
{
    (void)state;
    start();
    add_files("/data/a%d.db", 1, 2000);
    add_files("/data/b%d.db", 1, 300);
    add_files("/data/c%d.db", 200, 1);
    TOLD("2000 of 2500 are of /data/a0.db, 300 of /data/b0.db, 200 of other *.db under /data");
    start();
    add_files("/data/a%d.db", 1, 19); /* few, and it is the only one */
    TOLD("19 of 19 are of /data/a0.db");
    add_files("/data/b%d.idx", 1, 2);
    TOLD("19 of 21 are of /data/a0.db, 2 of /data/b0.idx");
    start();
    add_files("/data/%d.a", 40, 1);
    add_files("/data/x%d", 1, 50);
    add_files("/data/y%d", 30, 1);
    TOLD("50 of 120 are of /data/x0, 40 of *.a under /data, 30 of other files under /data");
}

static void what_is_a_suffix(void **state)
{
    (void)state;
    static const struct {
        const char *path, *kind;
    } names[] = {
        { "/lib/libc.so.6", "*.so.[0-9]*" },
        { "/lib/libx.so.1.2.3", "*.so.[0-9]*" },
        { "/data/x.0012", "*.[0-9]*" },
        { "/x.d/a", "*" },
        { "/x/.hidden", "*" },
        { "/x/.7", "*" },
        { "/x/.hidden.c", "*.c" },
        { "/x/ends.", "*" },
        { "/x/a.fifteen-letters", "*.fifteen-letters" },
        { "/x/a.sixteen--letters", "*" },
        { "/x/a.b (deleted)", "*.b (deleted)" },
        { "/x/a (deleted)", "* (deleted)" },
        { " (deleted)", "*" },
        { "/memfd:torch (deleted)", "memfd:torch" },
        { "/memfd:a.b (deleted)", "memfd:a.b" },
        { "/memfd: (deleted)", "memfd:*" },
        { "", "*" },
        { ".", "*" },
        { "anon_inode:[io_uring]", "*" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[FILE_KIND_NAME];
        struct file_kind kind = file_kind_of(names[i].path, strlen(names[i].path));
        file_kind_name(&kind, name, sizeof name);
        assert_string_equal(name, names[i].kind);
    }
}

static void memory_files(void **state)
{
    (void)state;
    start();
    add_files("/memfd:torch (deleted)", 500, 1);
    TOLD("500 of 500 are of memfd:torch");
    add_files("/memfd:segment-%d (deleted)", 700, 1);
    assert_non_null(strstr(told(), "700 of 1200 are of other memfds, "));
    add_files("/dev/shm/.org.chromium.Chromium.X%d (deleted)", 900, 1);
    assert_non_null(strstr(told(), "900 of 2100 are of deleted files under /dev/shm, "));
    add_files("/dev/shm/torch_%d", 1000, 1);
    assert_non_null(strstr(told(), "1000 of 3100 are of files under /dev/shm, "));
}

static void of_long_paths_the_end(void **state)
{
    (void)state;
    char path[400];
    start();
    memset(path, 'p', sizeof path);
    strcpy(path + 300, "/end");
    path[0] = '/';
    add(1, path, 100);
    assert_non_null(strstr(told(), "of ...ppp"));
    assert_non_null(strstr(told(), "ppp/end"));
    strcpy(path + 300, "/%d.x");
    start();
    add_files(path, 100, 1);
    assert_non_null(strstr(told(), "100 of 100 are of *.x under ...ppp"));
}

static void any_buffer(void **state)
{
    (void)state;
    struct holding rows[3];
    start();
    add_files("/some/where%d.x (deleted)", 5, 10);
    add(0, "", 10);
    size_t whole = strlen(told()), n = holders_rows(&holders, rows, 3);
    for (size_t size = 1; size < whole + 3; size++) {
        memset(words, 'x', sizeof words);
        holders_text(&holders, rows, n, words, size);
        assert_int_equal(strlen(words), size <= whole ? size - 1 : whole);
        assert_int_equal(words[size > whole ? whole + 1 : size], 'x');
    }
}

/* However few rows are asked for, they are the largest. */
static void any_number_of_rows(void **state)
{
    (void)state;
    struct holding all[16], rows[16];
    start();
    for (int k = 0; k < 12; k++) {
        char format[32];
        snprintf(format, sizeof format, "/x/%%d.kind%c", 'a' + k);
        add_files(format, 50, 1 + k);
    }
    size_t n = holders_rows(&holders, all, 16);
    assert_true(n > 5);
    for (size_t most = 0; most <= n; most++) {
        assert_int_equal(holders_rows(&holders, rows, most), most);
        for (size_t i = 0; i < most; i++)
            assert_int_equal(rows[i].maps, all[i].maps);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(memory_of_no_file),     UNIT(stacks),
        UNIT(no_libraries),          UNIT(kinds_under_folders),
        UNIT(a_suffix_among_many),   UNIT(single_files),
        UNIT(what_is_a_suffix),      UNIT(memory_files),
        UNIT(of_long_paths_the_end), UNIT(any_buffer),
        UNIT(any_number_of_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
