/*
 * enough: memory of a command that cannot go on without it.
 */
#define _GNU_SOURCE
#include "command/lib/enough.h"

#include <stdlib.h>
#include <string.h>

#include "command/lib/verb.h"

void *enough(void *memory)
{
    if (!memory) {
        complain("out of memory");
        exit(FAILED);
    }
    return memory;
}

void *enough_room(void *array, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return array;
    *room = *room ? 2 * *room : 64;
    return enough(reallocarray(array, *room, size));
}

const char *texts_take(struct texts *t, char *text)
{
    t->at = enough_room(t->at, t->n, &t->room, sizeof *t->at);
    return t->at[t->n++] = enough(text);
}

const char *texts_copy(struct texts *t, const char *text)
{
    return texts_take(t, strdup(text));
}

void texts_free(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->at[i]);
    free(t->at);
    *t = (struct texts){ 0 };
}

/* ---- sorted arrays ---- */

int sorted_order(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

size_t sorted_until(const void *array, size_t n, size_t size, uint64_t place)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (*(const uint64_t *)((const char *)array + middle * size) <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
