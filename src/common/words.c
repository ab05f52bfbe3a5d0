/*
 * words: see words.h.
 */
#define _GNU_SOURCE
#include "common/words.h"

#include <string.h>

struct option_text words_text(const char *s)
{
    return (struct option_text){ s, strlen(s) };
}

bool words_equal(struct option_text a, struct option_text b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool words_next(struct option_text *rest, char separator, struct option_text *piece)
{
    if (!rest->at)
        return false;
    const char *cut = memchr(rest->at, separator, rest->len);
    size_t len = cut ? (size_t)(cut - rest->at) : rest->len;
    *piece = (struct option_text){ rest->at, len };
    rest->at = cut ? cut + 1 : NULL;
    rest->len -= cut ? len + 1 : len;
    return true;
}

unsigned words_distance(struct option_text a, struct option_text b)
{
    unsigned row[WORD_MAX + 1];
    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return 2 * WORD_MAX;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        unsigned corner = row[0]++;
        for (size_t j = 0; j < b.len; j++) {
            unsigned best = corner + (a.at[i] != b.at[j]);
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[b.len];
}

int words_find(struct option_text words, struct option_text value, struct option_text *near)
{
    struct option_text word;
    unsigned least = ~0U;
    for (int n = 0; words_next(&words, '|', &word); n++) {
        if (words_equal(word, value))
            return n;
        unsigned d = words_distance(word, value);
        if (d < least) {
            least = d;
            *near = word;
        }
    }
    return -1;
}
