/*
 * files: the identity of a file, by device and inode as fstat gives them, and its lone chunks.
 *
 * Only files of which a chunk is mapped are here: while it is mapped the inode lives, so the
 * number cannot come to mean another file. Where a chunk was unmapped unseen (a raw system call)
 * the number may be another file's: then chunks of two files lie in one window, which costs a
 * merge and nothing else, because each is mapped through its own descriptor. A master keeps its
 * inode alive, so what is made from it is of this file. Model lock held.
 */
#ifndef MAPHERD_FILES_H
#define MAPHERD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct layers;
struct master;

/*
 * A chunk that lies where the kernel has put it, in no window: until a second chunk continues it,
 * a window would cost page tables and spare nothing.
 */
struct lone {
    struct lone *next; /* of the same file */
    struct file *file;
    uint64_t offset, end; /* in the file */
    uint32_t kind;        /* REGION_ bits */
    unsigned users;       /* regions that it is; more than one after a split */
};

struct file {
    struct file *next; /* in its bucket */
    dev_t dev;
    ino_t ino;
    struct layers *layers; /* its windows, see layers.h; NULL: it has none */
    unsigned asked;        /* the layer that the kernel is asked about next, see placement.c */
    struct lone *lone;
    unsigned lone_count;
    bool linked; /* had a name when it was first seen; a memfd has none */
    /* Can one open() of this file be told from another, as far as the file itself goes? Found out
     * when it first matters; see placement.c. */
    enum { OPENS_UNASKED, OPENS_ALIKE, OPENS_ALIKE_IF_WRITABLE, OPENS_APART } opens;
    /* What the kernel did with two chunks side by side, each mapped through its own descriptor. */
    enum { SEEN_NOTHING, SEEN_MERGED, SEEN_APART } seen;
    unsigned char compares; /* how often its chunks may be compared in vain before it is given up */
    bool locked;  /* the program took a flock on it, see files_lock */
    bool several; /* it was mapped through several descriptors */
    bool failed;  /* a sync of it has told an error */
    int fd;       /* the descriptor that it was last mapped through; may be closed since, or another
                     file's: fstat tells. -1 before the first */
    int checked_fd; /* the descriptor whose open file was last found free of OFD locks, or -1 */
    unsigned checked_uses; /* how often that answer was used */
    struct master *masters; /* masters.h; each of another kind */
    size_t users;   /* regions in its windows, and calls at work on them */
    uint64_t used;  /* bytes mapped in its windows, what is retained not among them */
    size_t longest; /* the longest map that the program made in them */
};

struct file *files_find(dev_t dev, ino_t ino);

/* It was mapped through fd. */
void files_note_fd(struct file *f, int fd);

/* How often chunks of a file are compared anew in vain (placement.c), from the last success on. */
#define FILES_COMPARES 4

/* NULL without memory. Has no windows yet. */
struct file *files_add(dev_t dev, ino_t ino);

/*
 * The program used flock on this file: it is locked from here on, also when it is added later.
 * Past FILES_LOCKED_MAX such files, every file is.
 */
void files_lock(dev_t dev, ino_t ino);
#define FILES_LOCKED_MAX 64

/* When its last window or lone chunk has gone: removes the file if it has neither. */
void files_remove_unused(struct file *f);

/* A lone chunk of f, with one user; NULL without memory. */
struct lone *files_add_lone(struct file *f, uint64_t offset, uint64_t end, uint32_t kind);

/* One user more, or one less: the last takes it with it, and the file if it has nothing else. */
void files_hold_lone(struct lone *l);
void files_release_lone(struct lone *l);

/* Some lone chunk of f and of this kind ends where [offset, end) begins, or begins at its end. */
bool files_continues(const struct file *f, uint64_t offset, uint64_t end, uint32_t kind);

#endif
