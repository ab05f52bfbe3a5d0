/*
 * holding: who holds a process's maps, in a few rows.
 */
#ifndef MAPHERD_HOLDING_H
#define MAPHERD_HOLDING_H

#include "command/watch/pieces.h"

struct holding {
    char what[256]; /* a path, "anonymous memory", or a kind of files: "*.dvd (deleted)" */
    long maps;
    long files; /* of a kind; else 1, or 0 for anonymous memory */
};

/*
 * The n who hold the most, most first; how many there are. Sorts the pieces. A kind of files is
 * told where it holds more than half of all maps and no one file does: its files are counted in
 * it and, where there is room, once more by themselves.
 */
size_t holding_most(struct pieces *p, struct holding *rows, size_t n);

#endif
