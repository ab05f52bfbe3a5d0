/*
 * holders_text: who has most of the maps, in words.
 */
#ifndef MAPHERD_HOLDERS_TEXT_H
#define MAPHERD_HOLDERS_TEXT_H

#include "tell/holders.h"

/*
 * Writes at most size bytes, the NUL included: the three files with most maps; and in front, where
 * the files of one suffix, or deleted ones, have a fifth of all maps between them, that:
 *
 *   246012 of 252310 are of *.dvd (deleted); most are held by /x/a.dvd (deleted) (20), /x/b.dvd
 *   (deleted) (19), /x/c.dvd (deleted) (19) and 30 of no file
 *
 * No allocation; under 1 KiB of stack.
 */
void holders_text(const struct holders *h, char *buf, size_t size);

#endif
