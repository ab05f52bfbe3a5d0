/*
 * holders: which files have how many VMAs, counted over a scan.
 *
 * The caller gives the memory. VMAs of files for which there is no room are counted in left_out and
 * nowhere else, so the number of each file is always right. No lock; one thread at a time.
 */
#ifndef MAPHERD_HOLDERS_H
#define MAPHERD_HOLDERS_H

#include "kernel/procmaps.h"

struct holder {
    uint64_t inode;
    unsigned dev_major, dev_minor;
    const char *path; /* of the first VMA seen; NUL-terminated */
    long maps;        /* VMAs */
    uint64_t bytes;
};

struct holders {
    struct holder *table; /* open addressing; maps == 0 is a free slot */
    size_t slots, used;
    char *text, *text_end; /* room for paths: the rest of it */
    long anonymous;        /* VMAs of no file, [heap] and [stack] among them */
    long total;            /* all that count against the limit */
    long left_out;         /* VMAs of files for which there was no room */
};

/* Starts with no holder. mem has size bytes, all zero, and is aligned for pointers. */
void holders_start(struct holders *h, void *mem, size_t size);

/* Counts one VMA that counts against the limit (procmaps_counts). */
void holders_add(struct holders *h, const struct procmap *m);

/* Sets top[0 .. n) to the files with most VMAs, the most first. Returns how many there are, at most
 * n. */
size_t holders_top(const struct holders *h, const struct holder **top, size_t n);

/* ---- holders in words ---- */

/*
 * The holders of most VMAs, in words.
 */

/*
 * Writes the three files with most VMAs: at most size bytes, the NUL included. Where the files of
 * one suffix, or deleted files, have a fifth of all VMAs together, the text begins with that:
 *
 *   246012 of 252310 are of *.dvd (deleted); most are held by /x/a.dvd (deleted) (20), /x/b.dvd
 *   (deleted) (19), /x/c.dvd (deleted) (19) and 30 of no file
 *
 * Nothing is allocated; less than 1 KiB of stack is used.
 */
void holders_text(const struct holders *h, char *buf, size_t size);

#endif
