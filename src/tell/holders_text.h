/*
 * holders_text: the holders of most VMAs, in words.
 */
#ifndef MAPHERD_HOLDERS_TEXT_H
#define MAPHERD_HOLDERS_TEXT_H

#include "tell/holders.h"

/*
 * Writes the three files with most VMAs: at most size bytes, the NUL included. Where the files of
 * one suffix, or deleted files, have a fifth of all VMAs together, the text begins with that:
 *
 *   246012 of 252310 are of *.dvd (deleted); most are held by /x/a.dvd (deleted) (20), /x/b.dvd
 *   (deleted) (19), /x/c.dvd (deleted) (19) and 30 of no file
 *
 * Nothing is allocated; less than 1 KiB of stack is used.
 */
void holders_text(const struct holders *h, char *buf, size_t size);

#endif
