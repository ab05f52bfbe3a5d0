/*
 * space: an address space as runs of maps that lie side by side, of one holder or of several in turn, and
 * what keeps neighbouring maps from being one.
 */
#ifndef MAPHERD_SPACE_H
#define MAPHERD_SPACE_H

#include "command/leaks/live.h"
#include "command/watch/pieces.h"

enum border {
    BORDER_FILE,       /* of different files: never one map */
    BORDER_GAP,        /* of one file, with something unmapped or left out between them */
    BORDER_PROTECTION, /* protection or sharing differ */
    BORDER_ORDER,      /* parts of one file that lie in another order than in the file */
    BORDER_UNSEEN,     /* equal for all that /proc shows */
    BORDERS
};

enum { SPACE_HOLDERS = 10 };

struct space_holder {
    char name[256];
    long maps;
    bool anonymous, others; /* not a file or kind of files, but what is left */
};

struct space_run {
    uint64_t start, end;
    long maps, files;  /* files: different ones, as far as they lie side by side */
    struct space_share {
        long maps;
        uint64_t bytes;
    } shares[SPACE_HOLDERS]; /* of each holder */
    long borders[BORDERS]; /* of each map to the next */
    const char *path;  /* of its first map */
};

struct space {
    struct space_holder holders[SPACE_HOLDERS];
    size_t holder_count;
    struct space_run *runs;
    size_t run_count;
    long borders[BORDERS];
    long in_order;     /* maps that would be left if the parts of each file lay in order */
    long deleted;      /* maps of deleted files */
};

/* maps in the order of addresses. At most some thousand runs: where holders take turns more often than
 * that, a run has several. */
struct space *space_make(const struct live_map *maps, size_t n);

#endif
