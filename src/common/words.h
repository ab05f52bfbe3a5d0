/*
 * words: the pieces of a user's text, and the word that a piece is or resembles.
 *
 * Every function is thread- and async-signal-safe, and allocates nothing.
 */
#ifndef MAPHERD_WORDS_H
#define MAPHERD_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of a longer string. It does not end with NUL. */
struct option_text {
    const char *at;
    size_t len;
};

#define WORD_MAX 40 /* a longer word resembles no other */

/* Returns all of a string as a piece. */
struct option_text words_text(const char *s);

/* True if the two have the same letters. */
bool words_equal(struct option_text a, struct option_text b);

/* Cuts the piece before the next separator off rest. False if nothing is left. */
bool words_next(struct option_text *rest, char separator, struct option_text *piece);

/* Returns how many letters differ (Levenshtein's distance). About 200 bytes of stack. */
unsigned words_distance(struct option_text a, struct option_text b);

/* Returns the number of the word in words ("a|b|c", from 0) that value is. Returns -1 if it is
 * none, and sets *near to the word with the least distance. */
int words_find(struct option_text words, struct option_text value, struct option_text *near);

#endif
