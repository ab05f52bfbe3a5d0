/*
 * words: pieces of a user's text, and which of some words was meant.
 *
 * No allocation, no static state: thread- and async-signal-safe.
 */
#ifndef MAPHERD_WORDS_H
#define MAPHERD_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of a longer string, not NUL-terminated: hence a length. */
struct option_text {
    const char *at;
    size_t len;
};

#define WORD_MAX 40 /* longer words are not near to anything */

struct option_text words_text(const char *s);

bool words_equal(struct option_text a, struct option_text b);

/* Cuts the piece before the next separator off rest; false when nothing is left. */
bool words_next(struct option_text *rest, char separator, struct option_text *piece);

/* How many letters differ (Levenshtein's distance), for "did you mean". About 200 bytes of stack. */
unsigned words_distance(struct option_text a, struct option_text b);

/* The number of the word in words ("a|b|c") that value is; -1 if none, and then the nearest in
 * *near. */
int words_find(struct option_text words, struct option_text value, struct option_text *near);

#endif
