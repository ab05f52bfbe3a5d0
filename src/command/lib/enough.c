/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * enough: see enough.h.
 */
#define _GNU_SOURCE
#include "command/lib/enough.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/verb.h"

/* ---- memory, arrays, texts ---- */

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

char *enough_vtext(const char *format, va_list args)
{
    char *text;
    return enough(vasprintf(&text, format, args) < 0 ? NULL : text);
}

char *enough_text(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = enough_vtext(format, args);
    va_end(args);
    return text;
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

/* ---- numbers for texts ---- */

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

void keys_free(struct keys *k)
{
    texts_free(&k->texts);
    free(k->places);
    *k = (struct keys){ 0 };
}

/* ---- numbers for numbers ---- */

static size_t *slot_of(const struct numbers *k, uint64_t key)
{
    for (size_t i = (size_t)(key * 0x9e3779b97f4a7c15ull >> 20);; i++) {
        size_t *place = &k->places[i & (k->slots - 1)];
        if (!*place || k->keys[*place - 1] == key)
            return place;
    }
}

size_t numbers_of(struct numbers *k, uint64_t key)
{
    if (2 * k->n >= k->slots) {
        free(k->places);
        k->slots = k->slots ? 2 * k->slots : 1024;
        k->places = enough(calloc(k->slots, sizeof *k->places));
        for (size_t i = 0; i < k->n; i++)
            *slot_of(k, k->keys[i]) = i + 1;
    }
    size_t *place = slot_of(k, key);
    if (!*place) {
        k->keys = enough_room(k->keys, k->n, &k->room, sizeof *k->keys);
        k->keys[k->n++] = key;
        *place = k->n;
    }
    return *place - 1;
}

void numbers_free(struct numbers *k)
{
    free(k->keys);
    free(k->places);
    *k = (struct numbers){ 0 };
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
