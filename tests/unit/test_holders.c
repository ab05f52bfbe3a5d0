/*
 * holders: who has how many maps, also when the memory for it is short.
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

static void counts_files(void **state)
{
    (void)state;
    uint64_t mem[1000] = { 0 };
    struct holders h;
    const struct holder *top[3];
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
    assert_int_equal(h.anonymous, 2);
    assert_int_equal(h.left_out, 0);
    assert_int_equal(holders_top(&h, top, 3), 3);
    assert_string_equal(top[0]->path, "/seven");
    assert_int_equal(top[0]->maps, 7);
    assert_string_equal(top[1]->path, "/five");
    assert_string_equal(top[2]->path, "/one");
    assert_int_equal(holders_top(&h, top, 1), 1);
    assert_string_equal(top[0]->path, "/seven");
}

static void none_at_all(void **state)
{
    (void)state;
    struct holders h;
    const struct holder *top[3];
    uint64_t mem[1] = { 0 };
    holders_start(&h, mem, sizeof mem);
    assert_int_equal(holders_top(&h, top, 3), 0);
    add(&h, 1, 1, "/a");
    assert_int_equal(h.total, 1);
    assert_int_equal(h.left_out, 1);
    assert_int_equal(holders_top(&h, top, 3), 0);
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
        const struct holder *top[64];
        size_t n = holders_top(&h, top, 64);
        long sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += top[i]->maps;
            assert_true(i == 0 || top[i - 1]->maps >= top[i]->maps);
        }
        assert_int_equal(sum + h.left_out, h.total);
        assert_int_equal(h.total, 120);
        for (size_t i = 0; i < 16; i++)
            assert_int_equal(mem[size + i], 0x5a);
        free(mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { UNIT(counts_files), UNIT(none_at_all), UNIT(any_memory) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
