/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * Every hooked call in a small scene of its own, which checks the bytes it made: for the tests
 * that play the scenes from a thread, a signal handler, a constructor, a forked child.
 *
 * A scene is async-signal-safe but for those of scene_waits, as the calls in it are, and touches nothing but its own part.
 */
#ifndef PRELOAD_CONTEXTS_CALLS_H
#define PRELOAD_CONTEXTS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One actor's own share of the test file. */
struct part {
    int fd;            /* of the file that all share */
    off_t offset;      /* PART_PAGES pages from here on are the actor's */
    int own_fd;        /* of a file that nobody else has */
    char own_name[32]; /* by which that file can be opened */
    uint64_t tag;      /* changes with every store */
};
enum { PART_PAGES = 4, PARTS = 8 };

/* Makes the files; false if that cannot be done. */
bool parts_start(struct part *parts, unsigned count);

struct scene {
    const char *name;                    /* the hook's, from src/entry/hooks.def */
    const char *(*play)(struct part *p); /* NULL, or what went wrong */
};
extern const struct scene scenes[];
extern const size_t scene_count;

/* True for those that are not for handlers, because glibc's fork and its allocator must not interrupt
 * themselves. */
bool scene_waits(const struct scene *s);

/* Plays all that may be played; ends the process, after a line on stderr, if one goes wrong. */
void play_all(struct part *p, bool may_wait, const char *where);
_Noreturn void went_wrong(const char *where, const char *name, const char *what);

#endif
