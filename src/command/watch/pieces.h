/*
 * pieces: the maps of a process, file by file, and how many of them placement would save.
 *
 * In order: two maps of one file can be one if they have the same protection, are both shared or
 * both private, and the second begins at the file offset at which the first ends. in_order is the
 * least number of maps a file's maps come to if each is put behind one that it continues. A part
 * that is mapped twice needs a map twice. The parts of a program or library (a file with an
 * executable map) lie where its code expects them: none of them is saved. What /proc/PID/maps does not show (advice, locks) may
 * keep maps apart all the same.
 */
#ifndef MAPHERD_PIECES_H
#define MAPHERD_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/lib/enough.h"
#include "kernel/procmaps.h"

struct piece {
    uint64_t device, inode, from, to; /* offsets in the file */
    const char *path; /* of the file */
    char access;      /* protection and sharing in one number */
};

struct pieces {
    struct piece *at;
    size_t n, room;
    struct texts paths; /* each copy that pieces share */
    long anonymous; /* maps of no file, [heap] and [stack] among them */
};

/* Gives the memory back; what was made of the pieces lives on, but for the paths in it. */
void pieces_free(struct pieces *p);

/* Adds one map; ends the process if there is no memory. */
void pieces_add(struct pieces *p, const struct procmap *m);

/* Whether a path of /proc/PID/maps is of a deleted file. */
bool pieces_deleted(const char *path);

/* What the name of a file ends with, as a pattern: "*.dvd"; "*.so.[0-9]*" for libc.so.6; "*" without a
 * dot; behind it " (deleted)" if it is, whether the path says so or not. */
void pieces_kind(const char *path, bool deleted, char *name, size_t size);
#define PIECES_KIND 48 /* room for it */

struct mapped_file {
    const char *path; /* as in /proc/PID/maps */
    bool deleted;
    long maps, in_order;
};

/* The files, most maps first, in memory of malloc; sorts the pieces. */
struct mapped_file *pieces_files(struct pieces *p, size_t *n);

/* Files whose names end alike. */
struct kind {
    char name[PIECES_KIND]; /* "*.dvd", "*.log (deleted)" */
    long maps, files;
};

/* The kinds, most maps first, in memory of malloc. */
struct kind *pieces_kinds(const struct mapped_file *files, size_t n, size_t *kinds);

#endif
