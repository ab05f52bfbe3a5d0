/*
 * rules: a word for every file, WORD[,GLOB=WORD,...].
 *
 * The first word is for all files. The first glob after it that matches the path of a file decides
 * for that file. '*' matches '/' too. A glob ends at the last '=' before its word. It cannot
 * contain a ',', for which '?' can stand.
 *
 * A form lists the words that a rule may use, "auto|strict|off", and may be that of an option
 * (tell/options.def), "auto|strict|off[,GLOB=WORD,...]". Every function is thread- and
 * async-signal-safe.
 */
#ifndef MAPHERD_RULES_H
#define MAPHERD_RULES_H

#include "common/words.h"

/* Returns the number of the word, in the order of the form, that holds for a path. No glob matches
 * the path NULL. text has passed rules_check. */
int rules_choose(struct option_text text, const char *path, const char *form);

/* True if a glob decides for this path, instead of the word for all files. */
bool rules_name(struct option_text text, const char *path);

/* True if the path of a file matters, because the text has a glob. */
bool rules_ask_path(struct option_text text);

/* True if the text is of the form. If not, *wrong is the piece that is none of the words and *near
 * the nearest of the words; or *wrong is empty, and a glob or a word is missing. */
bool rules_check(struct option_text text, const char *form, struct option_text *wrong,
                 struct option_text *near);

#endif
