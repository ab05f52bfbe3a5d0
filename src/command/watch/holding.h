/*
 * holding: the holders of a process's VMAs, in a few rows.
 */
#ifndef MAPHERD_HOLDING_H
#define MAPHERD_HOLDING_H

#include "command/watch/pieces.h"

struct holding {
    char what[256]; /* a path, "anonymous memory", or a kind of files: "*.dvd (deleted)" */
    long maps;
    long files; /* the files of a kind; 1 for a file, 0 for anonymous memory */
};

/*
 * Writes the holders with most VMAs to rows, at most n, most first, and returns how many. Sorts the
 * pieces. A kind of files has a row if it holds more than half of all VMAs and no single file does.
 * Its files count in that row and, where there is room, in rows of their own as well.
 */
size_t holding_most(struct pieces *p, struct holding *rows, size_t n);

#endif
