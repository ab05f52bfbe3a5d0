/*
 * hollow: files that have holes, found below a path.
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
    bool failed;      /* something could not be looked at, and that was said */
};

/* Adds the files with holes at path or below it: regular files of one filesystem, links not
 * followed, each file once whatever names it has. */
void hollows_find(struct hollows *h, const char *path);

void hollows_free(struct hollows *h);

/* Opens the file that was found, and no other that came in its place: a descriptor, or -1 with
 * errno. */
int hollow_open(const struct hollow *f, int flags);

/* The holes of an open file, also where the filesystem only knows SEEK_HOLE, which takes space that
 * was allocated and never written for a hole. As holes_each (disk/holes.h). */
long hollow_each(int fd, uint64_t size, long (*found)(uint64_t, uint64_t, void *), void *context);

#endif
