/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pieces: the VMAs of a process, what holds most of them, and for its files how many of them
 * placement would save. A piece is one VMA.
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
#include "command/lib/print.h"
#include "kernel/procmaps.h"
#include "tell/holders.h"

enum { PIECE_READ = 1, PIECE_WRITE = 2, PIECE_EXEC = 4, PIECE_SHARED = 8 };

struct piece {
    uint64_t device, inode;
    uint64_t from, to; /* offsets in the file; in memory without a file, from is 0 */
    uint64_t start;    /* the address */
    const char *path;  /* as in /proc/PID/maps; "" if there is none */
    unsigned char access;
    unsigned char memory; /* by memory_of */
};

struct pieces {
    struct piece *at; /* in the order in which they were added, that of addresses */
    size_t n, room;
    struct texts paths; /* each copy that pieces share */
};

/* Frees the pieces. What was made of them stays good, but for the paths in it. */
void pieces_free(struct pieces *p);

/* Adds one VMA. */
void pieces_add(struct pieces *p, const struct procmap *m);

/* Whether a path of /proc/PID/maps is that of a deleted file. A memfd never had a name. */
bool pieces_deleted(const char *path);

/* The path of a VMA, or what its memory is called where it is not of a file. */
const char *pieces_name(const char *path, uint64_t inode);

/*
 * Writes to name the kind of a file: a pattern for the end of its name. "*.dvd"; "*.so.[0-9]*" for
 * libc.so.6; "*" for a name without a dot. For a deleted file " (deleted)" follows, whether the
 * path says so or not.
 */
void pieces_kind(const char *path, bool deleted, char *name, size_t size);
#define PIECES_KIND FILE_KIND_NAME /* room for it */

struct mapped_file {
    const char *path; /* as in /proc/PID/maps */
    bool deleted;
    long maps, in_order;
    size_t first; /* its pieces in the array below: first[0 .. maps) */
};

/* The files, memfds among them, that with most VMAs first, in memory of malloc. *n: how many.
 * *sorted: their pieces, those of a file side by side, and of these those of one access by the
 * offset; in memory of malloc, too. */
struct mapped_file *pieces_files(const struct pieces *p, size_t *n, struct piece **sorted);

/* The least number of VMAs that n pieces of one file and one access come to, which are sorted by
 * the offset, if each may be put behind one that ends at most gap bytes before it. gaps may be
 * NULL, or gets the bytes that then lie between them. */
long pieces_least(const struct piece *p, size_t n, uint64_t gap, uint64_t *gaps);

/* Files whose names end alike. */
struct kind {
    char name[PIECES_KIND]; /* "*.dvd", "*.log (deleted)" */
    long maps, files;
};

/* The kinds of n files, that with most VMAs first, in memory of malloc. *kinds: how many. */
struct kind *pieces_kinds(const struct mapped_file *files, size_t n, size_t *kinds);

/* ---- what holds the VMAs of a process, in a few rows ---- */

enum { HELD_ROWS = 8 };

/* What the log says of its own process (tell/holders.h), of any one. */
struct held {
    struct holders holders;
    struct holding rows[HELD_ROWS];
    size_t n;
    void *memory; /* of the holders */
};

/* threads: of the process. Free it with held_free. */
struct held held_by(const struct pieces *p, long threads);
void held_free(struct held *h);

enum { HELD_PATH = 200 }; /* of a longer path there is the end */

struct held_row {
    char what[256]; /* by holding_name */
    long maps;
    long files; /* the files of a kind; 1 for a file, 0 for memory without a file */
};

/* Writes the first rows, at most n, and returns how many. */
size_t held_rows(const struct held *h, struct held_row *rows, size_t n);

/* What the memory is called in this process (memory_name; stacks of threads are named as such). */
const char *held_memory(const struct held *h, enum memory_kind memory);

/* Writes a row as an object, or as a member if key is not NULL: what, maps, files. */
void held_json(const struct held_row *row, const char *key, struct json *j);

#endif
