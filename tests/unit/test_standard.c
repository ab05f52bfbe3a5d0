/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * standard: the library's own functions of the C library, against libc's. What they are given ends
 * at a page that cannot be read or written.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/libc.h"

/* The subject has names of its own here, beside libc's. */
#define memmove own_memmove
#define memcpy own_memcpy
#define memset own_memset
#define memcmp own_memcmp
#define bcmp own_bcmp
#define memchr own_memchr
#define strlen own_strlen
#define strnlen own_strnlen
#define strcmp own_strcmp
#define strncmp own_strncmp
#define strchr own_strchr
#define strcspn own_strcspn
#define getenv own_getenv
#define __stack_chk_fail own_stack_chk_fail
#define __stack_chk_guard own_stack_chk_guard
#define __memmove_chk own_memmove_chk
#define __memcpy_chk own_memcpy_chk
#define __memset_chk own_memset_chk
void *own_memmove(void *, const void *, size_t);
void *own_memcpy(void *, const void *, size_t);
void *own_memset(void *, int, size_t);
int own_memcmp(const void *, const void *, size_t);
int own_bcmp(const void *, const void *, size_t);
void *own_memchr(const void *, int, size_t);
size_t own_strlen(const char *);
size_t own_strnlen(const char *, size_t);
int own_strcmp(const char *, const char *);
int own_strncmp(const char *, const char *, size_t);
char *own_strchr(const char *, int);
size_t own_strcspn(const char *, const char *);
char *own_getenv(const char *);
#include "entry/standard.c"
#undef memmove
#undef memcpy
#undef memset
#undef memcmp
#undef bcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strcspn
#undef getenv

enum { PAGE = 4096, MOST = 300 };

/* The last bytes before a page without access. */
static char *last_bytes(size_t n)
{
    static char *pages[2];
    static unsigned turn;
    char **at = &pages[turn++ % 2];
    if (!*at) {
        *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(*at, MAP_FAILED);
        assert_int_equal(mprotect(*at + PAGE, PAGE, PROT_NONE), 0);
    }
    return *at + PAGE - n;
}

static void fill(char *at, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (char)(i * 37 + seed * 101 + 1);
}

static void copies_of_every_length(void **state)
{
    (void)state;
    for (size_t n = 0; n < MOST; n++) {
        char *from = last_bytes(n), *to = last_bytes(n);
        fill(from, n, 1);
        fill(to, n, 2);
        assert_ptr_equal(own_memcpy(to, from, n), to);
        assert_memory_equal(to, from, n);
        assert_ptr_equal(own_memset(to, 0x1a5, n), to);
        for (size_t i = 0; i < n; i++)
            assert_int_equal((unsigned char)to[i], 0xa5);
    }
}

/* Nothing is written beside what is copied or set. */
static void nothing_else_changes(void **state)
{
    (void)state;
    char ours[MOST + 20], theirs[MOST + 20], from[MOST];
    fill(from, sizeof from, 5);
    for (size_t n = 0; n < MOST; n++) {
        fill(ours, sizeof ours, 6);
        memcpy(theirs, ours, sizeof ours);
        own_memcpy(ours + 7, from, n);
        memcpy(theirs + 7, from, n);
        assert_memory_equal(ours, theirs, sizeof ours);
        own_memset(ours + 3, 9, n);
        memset(theirs + 3, 9, n);
        assert_memory_equal(ours, theirs, sizeof ours);
    }
}

static void moves_overlap(void **state)
{
    (void)state;
    char ours[2 * MOST], theirs[2 * MOST];
    for (size_t n = 0; n < MOST; n++) {
        for (size_t to = 0; to <= 80; to += 3) {
            fill(ours, sizeof ours, 7);
            fill(theirs, sizeof theirs, 7);
            own_memmove(ours + to, ours + 40, n);
            memmove(theirs + to, theirs + 40, n);
            assert_memory_equal(ours, theirs, sizeof ours);
        }
    }
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void comparisons(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        char *a = last_bytes(n), *b = last_bytes(n);
        fill(a, n, 3);
        fill(b, n, 3);
        assert_int_equal(own_memcmp(a, b, n), 0);
        assert_int_equal(own_bcmp(a, b, n), 0);
        for (size_t i = 0; i < n; i++) {
            a[i] = (char)(b[i] ^ 0x80);
            assert_int_equal(sign(own_memcmp(a, b, n)), sign(memcmp(a, b, n)));
            a[i] = b[i];
        }
    }
}

static void searches(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        char *at = last_bytes(n);
        memset(at, 'x', n);
        assert_null(own_memchr(at, '\n', n));
        for (size_t i = n; i-- > 0;) {
            at[i] = '\n';
            assert_ptr_equal(own_memchr(at, '\n', n), at + i);
            assert_ptr_equal(own_memchr(at, '\n' + 256, n), at + i); /* a byte of it counts */
        }
    }
}

static void texts(void **state)
{
    (void)state;
    static const char *const words[] = { "", "a", "ab", "abc", "abd", "\x80", "abcdefghijklmnopq" };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t len = strlen(words[i]);
        char *at = last_bytes(len + 1);
        memcpy(at, words[i], len + 1);
        assert_int_equal(own_strlen(at), len);
        assert_int_equal(own_strnlen(at, 1000), len);
        assert_int_equal(own_strnlen(at, 2), strnlen(at, 2));
        for (size_t k = 0; k < COUNT_OF(words); k++) {
            assert_int_equal(sign(own_strcmp(at, words[k])), sign(strcmp(at, words[k])));
            for (size_t n = 0; n < 5; n++)
                assert_int_equal(sign(own_strncmp(at, words[k], n)),
                                 sign(strncmp(at, words[k], n)));
            assert_int_equal(own_strcspn(at, words[k]), strcspn(at, words[k]));
        }
        for (int letter = 0; letter < 256; letter++)
            assert_ptr_equal(own_strchr(at, letter), strchr(at, letter));
    }
    /* Not further than it is told: the text does not end. */
    char *endless = last_bytes(3);
    memcpy(endless, "xyz", 3);
    assert_int_equal(own_strnlen(endless, 3), 3);
    assert_int_equal(own_strncmp(endless, "xyz and more", 3), 0);
}

static void the_environment(void **state)
{
    (void)state;
    setenv("MAPHERD_UNIT", "a=b", 1);
    setenv("MAPHERD_UNIT_LONGER", "c", 1);
    assert_string_equal(own_getenv("MAPHERD_UNIT"), "a=b");
    assert_null(own_getenv("MAPHERD_UNI"));
    char **kept = environ;
    environ = NULL;
    assert_null(own_getenv("MAPHERD_UNIT"));
    environ = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_every_length),
        cmocka_unit_test(nothing_else_changes),
        cmocka_unit_test(moves_overlap),
        cmocka_unit_test(comparisons),
        cmocka_unit_test(searches),
        cmocka_unit_test(texts),
        cmocka_unit_test(the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
