/*
 * pieces: the VMAs of a process, file by file, and how many of them placement would save. A piece
 * is one VMA of a file.
 *
 * Two VMAs of one file can be one if they have the same protection, are both shared or both
 * private, and the second begins at the file offset at which the first ends. in_order is the least
 * number of VMAs of a file, if each is put behind one that it continues. A part that is mapped
 * twice needs two. The parts of a program or library (a file with an executable VMA) lie where its
 * code expects them: none of them is saved. What /proc/PID/maps does not show (advice, locks) may
 * keep VMAs apart all the same.
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
    const char *path;                 /* of the file */
    char access;                      /* protection and sharing in one number */
};

struct pieces {
    struct piece *at;
    size_t n, room;
    struct texts paths; /* each copy that pieces share */
    long anonymous;     /* VMAs of no file, [heap] and [stack] among them */
    long cold;          /* VMAs in the place of cold mappings */
    uint64_t cold_bytes;
};

/* Frees the pieces. What was made of them stays good, but for the paths in it. */
void pieces_free(struct pieces *p);

/* Adds one VMA. */
void pieces_add(struct pieces *p, const struct procmap *m);

/* Whether a path of /proc/PID/maps is that of a deleted file. */
bool pieces_deleted(const char *path);

/* Whether such a path stands for cold mappings (limit/cold.h): the VMA covers any number of them.
 * Their files are not known from it, and may be there or deleted. */
bool pieces_cold(const char *path);

/* The path, or what stands for it in a list of holders. */
const char *pieces_name(const char *path);
#define PIECES_ANONYMOUS "anonymous memory"
#define PIECES_COLD "cold mappings"

/*
 * Writes to name the kind of a file: a pattern for the end of its name. "*.dvd"; "*.so.[0-9]*" for
 * libc.so.6; "*" for a name without a dot. For a deleted file " (deleted)" follows, whether the
 * path says so or not.
 */
void pieces_kind(const char *path, bool deleted, char *name, size_t size);
#define PIECES_KIND 48 /* room for it */

struct mapped_file {
    const char *path; /* as in /proc/PID/maps */
    bool deleted;
    long maps, in_order;
};

/* The files, that with most VMAs first, in memory of malloc. *n: how many. Sorts the pieces. */
struct mapped_file *pieces_files(struct pieces *p, size_t *n);

/* Files whose names end alike. */
struct kind {
    char name[PIECES_KIND]; /* "*.dvd", "*.log (deleted)" */
    long maps, files;
};

/* The kinds of n files, that with most VMAs first, in memory of malloc. *kinds: how many. */
struct kind *pieces_kinds(const struct mapped_file *files, size_t n, size_t *kinds);

/* ---- the holders of a process's VMAs, in a few rows ---- */

struct holding {
    char what[256]; /* a path, PIECES_..., or a kind of files: "*.dvd (deleted)" */
    long maps;
    long files; /* the files of a kind; 1 for a file, 0 for PIECES_... */
};

/*
 * Writes the holders with most VMAs to rows, at most n, most first, and returns how many. Sorts the
 * pieces. A kind of files has a row if it holds more than half of all VMAs and no single file does.
 * Its files count in that row and, where there is room, in rows of their own as well.
 */
size_t holding_most(struct pieces *p, struct holding *rows, size_t n);

#endif
