/*
 * enough: memory of a command that cannot go on without it.
 */
#ifndef MAPHERD_ENOUGH_H
#define MAPHERD_ENOUGH_H

#include <stddef.h>

/* What malloc and its like gave; where they gave nothing, it says so and ends the process. */
void *enough(void *memory);

/* Doubles an array of elements of that size if its n elements fill its room. */
void *enough_room(void *array, size_t n, size_t *room, size_t size);

/* Texts that live as long as their list. */
struct texts {
    char **at;
    size_t n, room;
};
/* Takes one of malloc. */
const char *texts_take(struct texts *t, char *text);
const char *texts_copy(struct texts *t, const char *text);
void texts_free(struct texts *t);

#endif
