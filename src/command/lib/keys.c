/*
 * keys: numbers for texts.
 */
#define _GNU_SOURCE
#include "command/lib/keys.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325ull; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    return hash ^ hash >> 32;
}

/* Where the text is, or would be. */
static struct key_place *place_of(const struct keys *k, const char *text, uint64_t hash)
{
    for (size_t i = (size_t)hash;; i++) {
        struct key_place *place = &k->places[i & (k->slots - 1)];
        if (!place->number ||
            (place->hash == hash && strcmp(k->texts.at[place->number - 1], text) == 0))
            return place;
    }
}

static void make_room(struct keys *k)
{
    if (2 * k->texts.n < k->slots)
        return;
    struct keys larger = { k->texts, NULL, k->slots ? 2 * k->slots : 1024 };
    larger.places = enough(calloc(larger.slots, sizeof *larger.places));
    for (size_t i = 0; i < k->slots; i++)
        if (k->places[i].number)
            *place_of(&larger, k->texts.at[k->places[i].number - 1], k->places[i].hash) =
                k->places[i];
    free(k->places);
    *k = larger;
}

size_t keys_number(struct keys *k, const char *text)
{
    uint64_t hash = hash_of(text);
    make_room(k);
    struct key_place *place = place_of(k, text, hash);
    if (!place->number) {
        texts_copy(&k->texts, text);
        *place = (struct key_place){ hash, k->texts.n };
    }
    return place->number - 1;
}

size_t keys_find(const struct keys *k, const char *text)
{
    const struct key_place *place = k->slots ? place_of(k, text, hash_of(text)) : NULL;
    return place && place->number ? place->number - 1 : SIZE_MAX;
}

void keys_free(struct keys *k)
{
    texts_free(&k->texts);
    free(k->places);
    *k = (struct keys){ 0 };
}
