/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* space: an address space as runs of VMAs that lie side by side, of one holder or of several in
 * turn; and what keeps neighbouring VMAs from being one. */
#ifndef MAPHERD_SPACE_H
#define MAPHERD_SPACE_H

#include "command/leaks/live.h"
#include "command/watch/cure.h"
#include "command/watch/pieces.h"

enum border {
    BORDER_FILE,       /* of different files: never one VMA */
    BORDER_GAP,        /* of one file, with something unmapped or left out between them */
    BORDER_PROTECTION, /* protection or sharing differ */
    BORDER_ORDER,      /* parts of one file that lie in another order than in the file */
    BORDER_UNSEEN,     /* equal in all that /proc shows */
    BORDERS
};

enum { SPACE_HOLDERS = 10 };

struct space_holder {
    char name[256];
    long maps;
    bool anonymous, others; /* neither a file nor a kind of files, but the rest */
};

struct space_run {
    uint64_t start, end;
    long maps, files; /* files: different ones, as far as they lie side by side */
    struct space_share {
        long maps;
        uint64_t bytes;
    } shares[SPACE_HOLDERS]; /* of each holder */
    long borders[BORDERS];   /* of each VMA to the next */
    const char *name;        /* of what its first VMA is of: a path, or a sort of memory */
};

struct space {
    struct space_holder holders[SPACE_HOLDERS];
    size_t holder_count;
    struct space_run *runs;
    size_t run_count;
    long borders[BORDERS];
    long in_order; /* VMAs that would be left if the parts of each file lay in order */
    long deleted;  /* VMAs of deleted files */
    struct held held;
    struct cure cure;
};

/* Makes the runs of n VMAs, which are in the order of addresses. There are some thousand runs at
 * most: where holders alternate more often, a run has several of them. of: the process. */
struct space *space_make(const struct live_map *maps, size_t n, const struct patient *of);

#endif
