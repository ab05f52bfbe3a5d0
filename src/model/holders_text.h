/*
 * holders_text: who has most of the maps, in words.
 */
#ifndef MAPHERD_HOLDERS_TEXT_H
#define MAPHERD_HOLDERS_TEXT_H

#include "model/holders.h"

/*
 * Writes at most size bytes and a NUL: the three files with most maps, and, where files of one
 * suffix have a fifth of all maps between them, or deleted ones have, that:
 *
 *   /x/a.dvd (20), /x/b.dvd (19), /x/c.dvd (19) and 30 of no file;
 *   246012 of 252310 are of *.dvd (deleted)
 *
 * No allocation; under 1 KiB of stack.
 */
void holders_text(const struct holders *h, char *buf, size_t size);

#endif
