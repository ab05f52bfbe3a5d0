/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * standard: the functions of the C standard library that the library has of its own, because it is
 * linked with no libc (common/libc.h).
 *
 * The compiler calls memcpy, memmove, memset and memcmp by itself. All of them are
 * async-signal-safe, and may be called before the loader has relocated the library. None reads a
 * byte that it is not given. Those that long texts pass, as lists of VMAs, use blocks of 16 bytes;
 * the others are for short words.
 *
 * Rule: a compiler that recognizes what a loop does calls the function itself in its place, without
 * end. So the pointer of each loop is one that the compiler cannot follow (UNSEEN).
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/given.h"

/* Link-time optimization adds calls when it has already dropped what nobody calls. */
#define STANDARD __attribute__((used))
#define TEXT_OF(name) #name
#define ANOTHER_NAME_OF(name) __attribute__((alias(TEXT_OF(name))))
#define UNSEEN(pointer) __asm__("" : "+r"(pointer))

typedef unsigned char block __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t word8 __attribute__((aligned(1), may_alias));
typedef uint32_t word4 __attribute__((aligned(1), may_alias));
typedef uint16_t word2 __attribute__((aligned(1), may_alias));

/* Copies the first and the last bytes of the type, which overlap if n is less than two of them. All
 * is read before anything is written. */
#define COPY_ENDS(type)                                      \
    do {                                                     \
        type first = *(const type *)from;                    \
        type last = *(const type *)(from + n - sizeof last); \
        *(type *)to = first;                                 \
        *(type *)(to + n - sizeof last) = last;              \
    } while (0)

#define BLOCK_AT(place) (*(block *)(place))
#define GIVEN_AT(place) (*(const block *)(place))
enum { B = sizeof(block) };

static void copy_up(char *to, const char *from, size_t n)
{
    block last = GIVEN_AT(from + n - B), last_but_one = GIVEN_AT(from + n - 2 * B);
    char *end = to + n - 2 * B;
    for (; to < end; to += 2 * B, from += 2 * B) {
        block one = GIVEN_AT(from), other = GIVEN_AT(from + B);
        UNSEEN(from);
        BLOCK_AT(to) = one;
        BLOCK_AT(to + B) = other;
    }
    BLOCK_AT(end) = last_but_one;
    BLOCK_AT(end + B) = last;
}

static void copy_down(char *to, const char *from, size_t n)
{
    block first = GIVEN_AT(from), second = GIVEN_AT(from + B);
    for (; n > 2 * B; n -= 2 * B) {
        block one = GIVEN_AT(from + n - B), other = GIVEN_AT(from + n - 2 * B);
        UNSEEN(from);
        BLOCK_AT(to + n - B) = one;
        BLOCK_AT(to + n - 2 * B) = other;
    }
    BLOCK_AT(to) = first;
    BLOCK_AT(to + B) = second;
}

/* 2 * B to 4 * B bytes. */
static inline void copy_some(char *to, const char *from, size_t n)
{
    block first = GIVEN_AT(from), second = GIVEN_AT(from + B);
    block third = GIVEN_AT(from + n - 2 * B), last = GIVEN_AT(from + n - B);
    BLOCK_AT(to) = first;
    BLOCK_AT(to + B) = second;
    BLOCK_AT(to + n - 2 * B) = third;
    BLOCK_AT(to + n - B) = last;
}

STANDARD void *memmove(void *where, const void *what, size_t n)
{
    char *to = where;
    const char *from = what;
    if (n > 4 * B) {
        if ((uintptr_t)to - (uintptr_t)from >= n)
            copy_up(to, from, n);
        else
            copy_down(to, from, n);
    } else if (n >= 2 * B) {
        copy_some(to, from, n);
    } else if (n >= B) {
        COPY_ENDS(block);
    } else if (n >= sizeof(word8)) {
        COPY_ENDS(word8);
    } else if (n >= sizeof(word4)) {
        COPY_ENDS(word4);
    } else if (n >= sizeof(word2)) {
        COPY_ENDS(word2);
    } else if (n) {
        *to = *from;
    }
    return where;
}

STANDARD void *memcpy(void *where, const void *what, size_t n) ANOTHER_NAME_OF(memmove);

#define SET_ENDS(type)                                \
    do {                                              \
        *(type *)to = (type)all;                      \
        *(type *)(to + n - sizeof(type)) = (type)all; \
    } while (0)

/* B bytes and more. */
static inline void set_many(char *to, block many, size_t n)
{
    char *end = to + n;
    BLOCK_AT(to) = many;
    BLOCK_AT(end - B) = many;
    if (n <= 2 * B)
        return;
    BLOCK_AT(to + B) = many;
    BLOCK_AT(end - 2 * B) = many;
    for (to += 2 * B, end -= 2 * B; to < end; to += 2 * B) {
        UNSEEN(to);
        BLOCK_AT(to) = many;
        BLOCK_AT(to + B) = many;
    }
}

STANDARD void *memset(void *where, int byte, size_t n)
{
    char *to = where;
    if (n >= B) {
        block many = { 0 };
        if (byte)
            many += (unsigned char)byte;
        set_many(to, many, n);
        return where;
    }
    uint64_t all = (unsigned char)byte * 0x0101010101010101u;
    if (n >= sizeof(word8))
        SET_ENDS(word8);
    else if (n >= sizeof(word4))
        SET_ENDS(word4);
    else if (n >= sizeof(word2))
        SET_ENDS(word2);
    else if (n)
        *to = (char)byte;
    return where;
}

STANDARD int memcmp(const void *one, const void *other, size_t n)
{
    const unsigned char *a = one, *b = other, *end = a + n;
    for (; (size_t)(end - a) >= sizeof(word8); a += sizeof(word8), b += sizeof(word8))
        if (*(const word8 *)a != *(const word8 *)b)
            break;
    for (; a < end; a++, b++) {
        UNSEEN(a);
        if (*a != *b)
            return *a - *b;
    }
    return 0;
}

/* clang calls it where the order does not matter. */
STANDARD int bcmp(const void *one, const void *other, size_t n) ANOTHER_NAME_OF(memcmp);

/* Finds the first byte that is not 0. False if all are. */
static inline bool find_set(block equal, size_t *at)
{
#if defined(__x86_64__)
    typedef char signed_block __attribute__((vector_size(16)));
    unsigned bits = (unsigned)__builtin_ia32_pmovmskb128((signed_block)equal);
    *at = bits ? (size_t)__builtin_ctz(bits) : 0;
    return bits != 0;
#else
    typedef uint64_t halves __attribute__((vector_size(16)));
    halves half = (halves)equal;
    uint64_t bits = half[0] ? half[0] : half[1];
    *at = bits ? (size_t)__builtin_ctzll(bits) / 8 + (half[0] ? 0 : sizeof bits) : 0;
    return bits != 0;
#endif
}

STANDARD void *memchr(const void *where, int byte, size_t n)
{
    const char *at = where, *end = at + n;
    block wanted = (block){ 0 } + (unsigned char)byte;
    size_t found;
    for (; end - at >= 2 * B; at += 2 * B) {
        block one = (block)(GIVEN_AT(at) == wanted), other = (block)(GIVEN_AT(at + B) == wanted);
        if (!find_set(one | other, &found))
            continue;
        if (find_set(one, &found))
            return (void *)(at + found);
        find_set(other, &found);
        return (void *)(at + B + found);
    }
    if (end - at >= B && find_set((block)(GIVEN_AT(at) == wanted), &found))
        return (void *)(at + found);
    if (n >= B) /* what is left, and some that is not equal */
        return find_set((block)(GIVEN_AT(end - B) == wanted), &found) ? (void *)(end - B + found)
                                                                      : NULL;
    for (; at < end; at++) {
        UNSEEN(at);
        if (*at == (char)byte)
            return (void *)at;
    }
    return NULL;
}

STANDARD size_t strlen(const char *text)
{
    const char *end = text;
    while (*end) {
        end++;
        UNSEEN(end);
    }
    return (size_t)(end - text);
}

STANDARD size_t strnlen(const char *text, size_t most)
{
    const char *at = text;
    for (; most && *at; most--) {
        at++;
        UNSEEN(at);
    }
    return (size_t)(at - text);
}

STANDARD int strncmp(const char *a, const char *b, size_t most)
{
    for (; most; most--, a++, b++) {
        UNSEEN(a);
        if (*a != *b || !*a)
            return (unsigned char)*a - (unsigned char)*b;
    }
    return 0;
}

STANDARD int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, PTRDIFF_MAX);
}

STANDARD char *strchr(const char *text, int letter)
{
    for (;; text++) {
        UNSEEN(text);
        if (*text == (char)letter)
            return (char *)text;
        if (!*text)
            return NULL;
    }
}

STANDARD size_t strcspn(const char *text, const char *letters)
{
    const char *end = text;
    while (*end && !strchr(letters, *end))
        end++;
    return (size_t)(end - text);
}

STANDARD char *getenv(const char *name)
{
    size_t len = strlen(name);
    for (char **entry = given_environ(); entry && *entry; entry++)
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
            return *entry + len + 1;
    return NULL;
}

/* ---- what hardened builds call (-D_FORTIFY_SOURCE, -fstack-protector) ---- */

_Noreturn void __stack_chk_fail(void);
STANDARD _Noreturn void __stack_chk_fail(void)
{
    __builtin_trap();
}

#if defined(__aarch64__)
/* The other machine has this word in the thread's own memory, glibc's and musl's. */
extern uintptr_t __stack_chk_guard;
STANDARD uintptr_t __stack_chk_guard = 0x5bd1e995ac4d7f00;
#endif

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *__memmove_chk(void *to, const void *from, size_t n, size_t room);
void *__memset_chk(void *to, int byte, size_t n, size_t room);

STANDARD void *__memmove_chk(void *to, const void *from, size_t n, size_t room)
{
    return n <= room ? memmove(to, from, n) : (__stack_chk_fail(), NULL);
}

STANDARD void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
    ANOTHER_NAME_OF(__memmove_chk);

STANDARD void *__memset_chk(void *to, int byte, size_t n, size_t room)
{
    return n <= room ? memset(to, byte, n) : (__stack_chk_fail(), NULL);
}
