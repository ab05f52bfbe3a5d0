/*
 * enough: memory, for a command that cannot go on without it.
 */
#ifndef MAPHERD_ENOUGH_H
#define MAPHERD_ENOUGH_H

#include <stddef.h>
#include <stdint.h>

/* Returns memory, which malloc or the like has given. If that is NULL, says so and ends the
 * process. */
void *enough(void *memory);

/* Returns the array, with *room doubled if its n elements fill it. size: of an element, in
 * bytes. Ends the process if there is no memory. */
void *enough_room(void *array, size_t n, size_t *room, size_t size);

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

/* ---- sorted arrays ---- */

/*
 * Arrays whose elements begin with the uint64_t that they are sorted by.
 */

/* The order, for qsort(3). */
int sorted_order(const void *left, const void *right);

/* The number of elements that begin at or before `place`, of n sorted elements of size bytes. */
size_t sorted_until(const void *array, size_t n, size_t size, uint64_t place);

#endif
