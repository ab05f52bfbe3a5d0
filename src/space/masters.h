/*
 * masters: a map of one page of a file, from which chunks are made.
 *
 * mremap(old_size = 0) makes a second map of a shared map's open file, of any length, without a
 * descriptor. Chunks that are made from one master are of one open file, so the kernel merges
 * them, in any order and on every filesystem, whichever open()s the program has mapped them
 * through.
 *
 * A master is mapped plainly from a descriptor of the program, and no call of the program can
 * have named its address. It is one page, so that it neither stands against a limit on the address
 * space that the program sets later, nor becomes much memory when all is locked. A file has one
 * for each kind of map. It goes with the file's last window. Model lock held, but where it says
 * otherwise.
 */
#ifndef MAPHERD_MASTERS_H
#define MAPHERD_MASTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/files.h"

/* An open descriptor of the file, and what its maps are made with. */
struct source {
    int fd, prot, flags;
};

/* A map that was just made, whole and alone, and of which the program does not know yet. */
struct fresh {
    uintptr_t start;
    size_t len;
    uint64_t offset; /* of start in the file */
    uint32_t kind;   /* REGION_ bits */
};

enum join {
    JOIN_DONE,     /* the place is a map of the master's open file */
    JOIN_DECLINED, /* the plain map is as it was */
    JOIN_LOST,     /* the kernel had no memory half way: nothing is mapped there */
};

/*
 * Replaces a fresh map by the same part of the same file, made from the file's master, which is
 * mapped first if there is none. Only for shared maps of files whose opens nothing can tell apart.
 * Declines under a limit on the address space (the copy is first made elsewhere, with all that
 * lies before it in the file), and where the fresh map is not as plain as the master: locked, by
 * an mlockall that no hook has seen.
 */
enum join masters_join(struct file *f, const struct source *s, const struct fresh *new);

/* After something in f's windows was unmapped: its masters are retired if the program's maps
 * there, made by as few calls as could be, would be no more than f's regions and masters are. */
void masters_review(struct file *f);

/* f's masters go to the list of those to be unmapped, because munmap may have to close the file,
 * which must not happen under a lock. */
void masters_retire(struct file *f);

/* Takes one off that list, for the caller to unmap (one page) without the lock. */
bool masters_take_retired(uintptr_t *addr);

/* The page at addr is a master of this file, whether it is to be unmapped or not. */
bool masters_has(dev_t dev, ino_t ino, uintptr_t addr);

/* Some may be on the list. Cheap; lock not needed. */
bool masters_any_retired(void);

/* How many files' masters are mapped, those on the list not among them. */
size_t masters_total(void);

#endif
