/*
 * keys: numbers for texts, from 0 on. Equal texts have the same number.
 */
#ifndef MAPHERD_COMMAND_KEYS_H
#define MAPHERD_COMMAND_KEYS_H

#include <stdint.h>

#include "command/lib/enough.h"

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

/* The number of the text; SIZE_MAX if it has none. */
size_t keys_find(const struct keys *k, const char *text);
void keys_free(struct keys *k);

#endif
