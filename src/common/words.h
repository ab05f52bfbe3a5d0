/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

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

/* What a word says to an option that is on or off. */
enum word_sense { SENSE_NONE, SENSE_YES, SENSE_NO };

/* Returns the sense of "on", "true", "yes", "1", or of their opposites, in letters of either case. */
enum word_sense words_sense(struct option_text value);

/*
 * Returns the number of the word that a user's value means. That is the word itself in letters of
 * either case; "on" for a value of that sense, if it is one of the words, and "off" likewise.
 * Returns -1 if it means none, and sets *near to the word that is right for its sense, or else
 * to that with the least distance.
 */
int words_choose(struct option_text words, struct option_text value, struct option_text *near);

/* ---- rules ---- */

/*
 * A word for every file, WORD[,GLOB=WORD,...].
 *
 * The first word is for all files. The first glob after it that matches the path of a file decides
 * for that file. '*' matches '/' too. A glob ends at the last '=' before its word. It cannot
 * contain a ',', for which '?' can stand.
 *
 * A form lists the words that a rule may use, "auto|strict|off", and may be that of an option
 * (tell/options.def), "auto|strict|off[,GLOB=WORD,...]". Every function is thread- and
 * async-signal-safe.
 */

/* Returns the number of the word, in the order of the form, that holds for a path. No glob matches
 * the path NULL. text is as rules_write writes it. */
int rules_choose(struct option_text text, const char *path, const char *form);

/* True if a glob decides for this path, instead of the word for all files. */
bool rules_name(struct option_text text, const char *path);

/* True if the path of a file matters, because the text has a glob. */
bool rules_ask_path(struct option_text text);

/* Returns the length of the text with each word as the form has it (words_choose), and writes that
 * into out if out is not NULL. text has passed rules_check. */
size_t rules_write(struct option_text text, const char *form, char *out);

/* True if the text is of the form, by words_choose. If not, *wrong is the piece that is none of the
 * words and *near the nearest of the words; or *wrong is empty, and a glob or a word is missing. */
bool rules_check(struct option_text text, const char *form, struct option_text *wrong,
                 struct option_text *near);

#endif
