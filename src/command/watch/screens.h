/*
 * screens: the two that top has. Each draws the whole terminal from what the last round found.
 */
#ifndef MAPHERD_SCREENS_H
#define MAPHERD_SCREENS_H

#include "command/watch/top.h"

/* The list. chosen: which row; first: the first row that is shown, which follows the chosen. */
void screen_list(const struct top *t, size_t chosen, size_t *first);

/* One process. */
void screen_one(const struct top *t);

/* The head of both: a title and, on the right, the time. */
void screen_title(const struct top *t, const char *title);

#endif
