/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holders: what has how many maps, also when the memory for it is short.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tell/holders.h"

static void add(struct holders *h, uint64_t inode, unsigned minor, const char *path)
{
    struct procmap m = { .start = 1,
                         .end = 2,
                         .inode = inode,
                         .dev_minor = minor,
                         .path = path,
                         .path_len = strlen(path) };
    holders_add(h, &m);
}

static const struct holder *file_named(const struct holders *h, const char *path)
{
    for (size_t i = 0; i < h->slots; i++)
        if (h->table[i].maps && strcmp(h->table[i].path, path) == 0)
            return &h->table[i];
    return NULL;
}

static void counts_files(void **state)
{
    (void)state;
    uint64_t mem[1000] = { 0 };
    struct holders h;
    holders_start(&h, mem, sizeof mem);
    for (int i = 0; i < 5; i++)
        add(&h, 1, 1, "/five");
    for (int i = 0; i < 7; i++)
        add(&h, 1, 2, "/seven"); /* the same inode on another device */
    add(&h, 9, 1, "/one");
    add(&h, 0, 0, "");
    add(&h, 0, 0, "[heap]");
    add(&h, 0, 0, "[vsyscall]");
    assert_int_equal(h.total, 15);
    assert_int_equal(h.of[MEMORY_PRIVATE].maps, 2);
    assert_int_equal(h.left_out, 0);
    assert_int_equal(file_named(&h, "/five")->maps, 5);
    assert_int_equal(file_named(&h, "/seven")->maps, 7);
    assert_int_equal(file_named(&h, "/one")->maps, 1);
}

/* Root can map the page at address 0. There is no guard page below it. */
static void first_page(void **state)
{
    (void)state;
    uint64_t mem[1000] = { 0 };
    struct holders h;
    struct procmap m = { .start = 0, .end = 4096, .read = true, .write = true, .path = "" };
    holders_start(&h, mem, sizeof mem);
    holders_add(&h, &m);
    assert_int_equal(h.of[MEMORY_PRIVATE].maps, 1);
    assert_int_equal(h.of[MEMORY_GUARDED].maps, 0);
}

static void none_at_all(void **state)
{
    (void)state;
    struct holders h;
    struct holding rows[3];
    uint64_t mem[1] = { 0 };
    holders_start(&h, mem, sizeof mem);
    assert_int_equal(holders_rows(&h, rows, 3), 0);
    add(&h, 1, 1, "/a");
    assert_int_equal(h.total, 1);
    assert_int_equal(h.left_out, 1);
    assert_int_equal(holders_rows(&h, rows, 3), 0);
}

/* In memory of any size, from nothing on, the sums are right and nothing is written outside. */
static void any_memory(void **state)
{
    (void)state;
    for (size_t size = 0; size < 4000; size += 8) {
        char *mem = calloc(1, size + 16); /* exact enough for AddressSanitizer to watch the end */
        memset(mem + size, 0x5a, 16);
        struct holders h;
        holders_start(&h, mem, size);
        for (uint64_t i = 0; i < 60; i++) {
            char path[100];
            snprintf(path, sizeof path, "/%0*d", (int)(i % 90), (int)i);
            for (uint64_t n = 0; n <= i % 3; n++)
                add(&h, i % 40 + 1, 0, path);
        }
        struct holding rows[64];
        size_t n = holders_rows(&h, rows, 64);
        long sum = 0, told = 0;
        for (size_t i = 0; i < h.slots; i++)
            sum += h.table[i].maps;
        for (size_t i = 0; i < n; i++) {
            told += rows[i].maps;
            assert_true(i == 0 || rows[i - 1].maps >= rows[i].maps);
        }
        assert_int_equal(sum + h.left_out, h.total);
        assert_int_equal(h.total, 120);
        assert_int_equal(told, sum); /* of one kind all of them */
        for (size_t i = 0; i < 16; i++)
            assert_int_equal(mem[size + i], 0x5a);
        free(mem);
    }
}

/* What holders_memory says is enough, for paths of any length. */
static void enough_memory(void **state)
{
    (void)state;
    for (size_t files = 0; files < 300; files += 7) {
        for (size_t len = 1; len < 400; len += 133) {
            size_t size = holders_memory(files, files * len);
            char *mem = calloc(1, size), path[400];
            struct holders h;
            holders_start(&h, mem, size);
            memset(path, 'p', sizeof path);
            path[0] = '/';
            path[len] = '\0';
            for (size_t i = 0; i < files; i++)
                add(&h, i + 1, 0, path);
            assert_int_equal(h.left_out, 0);
            assert_int_equal(h.used, files);
            free(mem);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { UNIT(counts_files), UNIT(first_page), UNIT(none_at_all),
                                        UNIT(any_memory), UNIT(enough_memory) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
