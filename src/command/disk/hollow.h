/*
 * hollow: finds the files below a path that have holes.
 */
#ifndef MAPHERD_HOLLOW_H
#define MAPHERD_HOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hollow {
    char *path;
    dev_t dev;
    ino_t ino;
    uint64_t size, missing; /* bytes; missing: in holes */
};

struct hollows {
    struct hollow *at;
    size_t count, room;
    size_t looked_at; /* regular files in all */
    bool failed;      /* a file or folder could not be read, and the user was told */
};

/* Adds the files with holes at path or below it: regular files of the filesystem of path.
 * Symbolic links are not followed. A file with several names is added once. */
void hollows_find(struct hollows *h, const char *path);

void hollows_free(struct hollows *h);

/* Opens the file that was found, and no other that has come in its place. Returns a descriptor,
 * or -1 with errno. */
int hollow_open(const struct hollow *f, int flags);

/* Calls found for each hole of an open file, as holes_each does (disk/holes.h). Where the
 * filesystem knows only SEEK_HOLE, space that was allocated and never written counts as a hole. */
long hollow_each(int fd, uint64_t size, long (*found)(uint64_t, uint64_t, void *), void *context);

#endif
