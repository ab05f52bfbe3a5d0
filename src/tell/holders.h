/*
 * holders: which files hold how many maps, counted over a reading of the list.
 *
 * It lives in memory that the caller gives and needs no other. What does not fit is counted in
 * left_out and nowhere else: the numbers it tells are always right.
 */
#ifndef MAPHERD_HOLDERS_H
#define MAPHERD_HOLDERS_H

#include "kernel/procmaps.h"

struct holder {
    uint64_t inode;
    unsigned dev_major, dev_minor;
    const char *path; /* of the first map seen; NUL-terminated */
    long maps;
    uint64_t bytes;
};

struct holders {
    struct holder *table; /* open addressing; maps == 0 is a free slot */
    size_t slots, used;
    char *text, *text_end;
    long anonymous; /* maps of no file, [heap] and [stack] among them */
    long total;     /* all that count against the limit */
    long left_out;  /* maps of files that found no room */
};

/* mem: size bytes, zero, aligned for pointers. */
void holders_start(struct holders *h, void *mem, size_t size);

void holders_add(struct holders *h, const struct procmap *m);

/* The n files with the most maps, most first; returns how many there are (<= n). */
size_t holders_top(const struct holders *h, const struct holder **top, size_t n);

#endif
