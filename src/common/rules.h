/*
 * rules: a word for every file, WORD[,GLOB=WORD,...].
 *
 * The first word is for all files; of the globs after it the first that matches a file's path
 * decides for that file. '*' matches '/' too. A glob ends at the last '=' before its word, and
 * cannot hold a ',' (say '?').
 *
 * The words a rule may use are given as "auto|strict|off", or as the form of the option
 * (tell/options.def), "auto|strict|off[,GLOB=WORD,...]". Thread- and async-signal-safe.
 */
#ifndef MAPHERD_RULES_H
#define MAPHERD_RULES_H

#include "common/words.h"

/* The number of the word, in the form's order, that holds for a path; NULL is a path that no glob
 * matches. text has been checked. */
int rules_choose(struct option_text text, const char *path, const char *form);

/* True if a glob decides for this path, and not the word for all files. */
bool rules_name(struct option_text text, const char *path);

/* True if the path matters: without globs nobody need look it up. */
bool rules_ask_path(struct option_text text);

/* True if the text is of the form. If not: *wrong is the piece that is none of the words, and
 * *near the nearest of them; or *wrong is empty, and a glob or a word is missing. */
bool rules_check(struct option_text text, const char *form, struct option_text *wrong,
                 struct option_text *near);

#endif
