/*
 * files: the identity of a file, by device and inode as fstat gives them.
 *
 * Only files with windows are here: while one of their chunks is mapped the inode lives, so the
 * number cannot come to mean another file. Model lock held.
 */
#ifndef MAPHERD_FILES_H
#define MAPHERD_FILES_H

#include <stdbool.h>
#include <sys/types.h>

struct window;

struct file {
    struct file *next; /* in its bucket */
    dev_t dev;
    ino_t ino;
    struct window *windows; /* in order of creation */
    bool linked; /* had a name when it was first seen; a memfd has none */
    /* Can one open() of this file be told from another, as far as the file itself goes? Found out
     * when it first matters; see placement.c. */
    enum { OPENS_UNASKED, OPENS_ALIKE, OPENS_ALIKE_IF_WRITABLE, OPENS_APART } opens;
    bool locked; /* the program took a flock on it, see files_lock */
    int fd;       /* the descriptor that it was last mapped through; may be closed since, or another
                     file's: fstat tells. -1 before the first */
    bool several; /* it was mapped through others too */
    bool failed;  /* a sync of it has told an error */
};

struct file *files_find(dev_t dev, ino_t ino);

/* It was mapped through fd. */
void files_note_fd(struct file *f, int fd);

/* NULL without memory. Has no windows yet. */
struct file *files_add(dev_t dev, ino_t ino);

/*
 * The program used flock on this file: it is locked from here on, also when it is added later.
 * Past FILES_LOCKED_MAX such files, every file is.
 */
void files_lock(dev_t dev, ino_t ino);
#define FILES_LOCKED_MAX 64

/* When its last window goes. */
void files_remove(struct file *f);

#endif
