/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * enough: memory, for a command that cannot go on without it, and what is kept in it: arrays that
 * grow, texts, and numbers for texts. Where there is no memory, each of them says so and ends the
 * process.
 */
#ifndef MAPHERD_ENOUGH_H
#define MAPHERD_ENOUGH_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Returns memory, which malloc or the like has given. Ends the process if that is NULL. */
void *enough(void *memory);

/* Returns the array, with *room doubled if its n elements fill it. size: of an element, in
 * bytes. */
void *enough_room(void *array, size_t n, size_t *room, size_t size);

/* The text that printf(3) would print, in memory of malloc. */
char *enough_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *enough_vtext(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Texts that live as long as their list. */
struct texts {
    char **at;
    size_t n, room;
};
/* Adds a text that malloc has given; the list frees it. */
const char *texts_take(struct texts *t, char *text);
/* Adds a copy of a text. */
const char *texts_copy(struct texts *t, const char *text);
void texts_free(struct texts *t);

/* Numbers for texts, from 0 on. Equal texts have the same number. */
struct keys {
    struct texts texts; /* by number */
    struct key_place {
        uint64_t hash;
        size_t number; /* + 1; 0: free */
    } * places;
    size_t slots; /* a power of two */
};
/* The number of the text, which is a new one if the text is new: then a copy of it is kept. */
size_t keys_number(struct keys *k, const char *text);
void keys_free(struct keys *k);

/* Numbers for keys that are numbers themselves, from 0 on in the order in which they are new. */
struct numbers {
    uint64_t *keys; /* by number */
    size_t n, room;
    size_t *places; /* number + 1; 0: free */
    size_t slots;   /* a power of two */
};
/* The number of the key, which is a new one if the key is new. */
size_t numbers_of(struct numbers *k, uint64_t key);
void numbers_free(struct numbers *k);

/* The order of arrays whose elements begin with the uint64_t that they are sorted by, for
 * qsort(3). */
int sorted_order(const void *left, const void *right);

/* How many elements of such an array, which is sorted, are at or before `place`. It has n of them,
 * of size bytes each. */
size_t sorted_until(const void *array, size_t n, size_t size, uint64_t place);

#endif
