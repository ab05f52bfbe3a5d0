/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * files: the files of which a chunk is mapped, by device and inode as fstat shows them, and their
 * lone chunks.
 *
 * While a chunk is mapped, its inode exists, so the number cannot become that of another file.
 * Where a raw system call has unmapped the chunk, it can. Then chunks of two files lie in one
 * window. That prevents a merge and does no other harm, because each chunk is mapped through its
 * own descriptor. A master keeps its inode, so what is made from it is always of this file. Every
 * function needs the model lock.
 */
#ifndef MAPHERD_FILES_H
#define MAPHERD_FILES_H

#include <linux/magic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

struct layers;
struct master;

/*
 * A lone chunk: the kernel has chosen its address, and it is in no window. Until a second chunk
 * continues it, a window would cost page tables and save no VMA.
 */
struct lone {
    struct lone *next; /* of the same file */
    struct file *file;
    uint64_t offset, end; /* in the file, in bytes */
    uint32_t kind;        /* REGION_ bits */
    unsigned users;       /* regions of it; more than one after a split */
};

struct file {
    struct file *next; /* in its bucket */
    dev_t dev;
    ino_t ino;
    struct layers *layers; /* its windows, see windows.h; NULL: it has none */
    unsigned asked;        /* the layer about which the kernel is asked next, see placement.c */
    struct lone *lone;
    unsigned lone_count;
    bool linked; /* had a name when it was first seen; a memfd has none */
    /* Whether anything in the file itself differs between one open() of it and another. It is found
     * out when it is first needed, see placement.c. */
    enum { OPENS_UNASKED, OPENS_ALIKE, OPENS_ALIKE_IF_WRITABLE, OPENS_APART } opens;
    /* What the kernel has done with two neighbouring chunks, each mapped through its own
     * descriptor. */
    enum { SEEN_NOTHING, SEEN_MERGED, SEEN_APART } seen;
    unsigned char compares; /* how often its chunks may still be compared without success */
    bool locked;            /* the program has taken a flock on it, see files_lock */
    bool several;           /* it was mapped through several descriptors */
    bool failed;            /* a sync of it has returned an error */
    long fs_type;           /* of its filesystem, by statfs(2), or one of those below */
    uint64_t last_unmap; /* the number of the last unmapping in its windows; no other file has it */
    int fd; /* the descriptor that it was last mapped through, or -1. It may be closed or that
                     of another file since: fstat shows that */
    int checked_fd; /* the descriptor whose open file was last found free of OFD locks, or -1 */
    unsigned checked_uses;  /* how often that answer was used */
    struct master *masters; /* one for each kind, see masters.h */
    size_t users;           /* regions in its windows, and calls at work on them */
    uint64_t used;          /* bytes mapped in its windows, without those retained */
    size_t longest;         /* the longest mapping of the program in them, in bytes */
};

enum { FILES_FS_UNASKED = 0, FILES_FS_UNKNOWN = -1 };

/* overlayfs over a filesystem that has no number of inodes, as btrfs. No type of statfs(2). */
#define FILES_FS_OVERLAY_UNCOUNTED (1L << 32 | OVERLAYFS_SUPER_MAGIC)

/* True if dev, a file's device by fstat, is that of a disk. btrfs and what has no disk (NFS, FUSE,
 * overlayfs, tmpfs) show a device that has no driver: its major number is 0. */
static inline bool files_on_disk_device(dev_t dev)
{
    return major(dev) != 0;
}

/* Returns the file, or NULL if no chunk of it is known. */
struct file *files_find(dev_t dev, ino_t ino);

/* Notes that a mapping of the file has gone from one of its windows. */
void files_note_unmap(struct file *f);

/* Notes that the file was mapped through fd. */
void files_note_fd(struct file *f, int fd);

/* How often chunks of a file are compared without success (placement.c), since the last success. */
#define FILES_COMPARES 4

/* Adds a file without windows. Returns NULL where there is no memory. */
struct file *files_add(dev_t dev, ino_t ino);

/*
 * Notes that the program has used flock on this file. The file is locked from here on, also if it
 * is added later. After FILES_LOCKED_MAX such files, every file is locked.
 */
void files_lock(dev_t dev, ino_t ino);
#define FILES_LOCKED_MAX 64

/* Removes the file if it has neither a window nor a lone chunk. */
void files_remove_unused(struct file *f);

/* Adds a lone chunk of f with one user. Returns NULL where there is no memory. */
struct lone *files_add_lone(struct file *f, uint64_t offset, uint64_t end, uint32_t kind);

/* Adds a user. */
void files_hold_lone(struct lone *l);

/* Takes a user away. The last one removes the lone chunk, and the file if that has nothing else. */
void files_release_lone(struct lone *l);

/* True if a lone chunk of f, of this kind, ends where [offset, end) of the file begins, or begins
 * where it ends. */
bool files_continues(const struct file *f, uint64_t offset, uint64_t end, uint32_t kind);

#endif
