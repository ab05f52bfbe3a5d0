/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spilled: pages on their way between a file and the spill file.
 *
 * In all functions c is an overlay of kind OVERLAY_SPILL, fd is a descriptor of its spill file, and
 * low, high, at and size are offsets in the file that the overlay lies over, low and high
 * page-aligned. The caller holds the overlay lock; all functions are async-signal-safe.
 */
#ifndef MAPHERD_SPILLED_H
#define MAPHERD_SPILLED_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/overlays.h"

/* What was copied into the spill file, as ranges of the file. */
struct spilled_news {
    unsigned count;
    struct {
        uint64_t low, high;
    } at[64];
};

/*
 * Copies the pages of [low, high) that are not in the spill file yet, from the file, and sets news
 * to these. Returns how many bytes they are; or -errno, which is -E2BIG if they are more ranges
 * than news has room for. Of those that are in it, it copies anew what was not stored to there.
 *
 * spilled_take_back is for a caller that does not show the pages then. What the program stores goes
 * to the file, and the copies would be old. Copies that were stored to meanwhile stay, and those
 * whose sums cannot be written. It returns how many bytes these are.
 *
 * spilled_give_up gives back the space of [low, high) that holds no page.
 */
long spilled_copy_in(const struct overlay *c, int fd, uint64_t low, uint64_t high,
                     struct spilled_news *news);
uint64_t spilled_take_back(const struct overlay *c, int fd, const struct spilled_news *news);
void spilled_give_up(const struct overlay *c, int fd, uint64_t low, uint64_t high);

/*
 * Writes what was stored to [low, high) to the file. The range must be blocked (spilled_block) or
 * no longer mapped. Returns 0 or a positive errno.
 *
 * A page of the file is replaced only if the file still holds there what its sum says. Where it
 * holds something else, it was written since: the page stays in the spill file, and the function
 * does the rest and returns ESTALE. A process that is killed between a page and its sum leaves a
 * page that is the same in both files. may_go_on is asked again and again; where it says no, the
 * function returns the error of the overlay, and what it has not written stays.
 */
int spilled_write_back(const struct overlay *c, int fd, uint64_t low, uint64_t high,
                       bool (*may_go_on)(const struct overlay *c));

/*
 * The program makes [from, to) of the file zeros, in bytes; the two calls are for before and after.
 * Pages that are spilled are zeros there too then. spilled_borders sets clean[0] and clean[1] if
 * the page that lies across the border from, or to, is spilled and not written since: only then its
 * sum becomes that of what the file holds after the call. spilled_zero returns 0 or a positive
 * errno.
 */
void spilled_borders(const struct overlay *c, int fd, uint64_t from, uint64_t to, bool clean[2]);
int spilled_zero(const struct overlay *c, int fd, uint64_t from, uint64_t to, const bool clean[2]);

/* After ESTALE: narrows [*low, *high) to what lies between the first and the last page that
 * stay. */
void spilled_left(const struct overlay *c, int fd, uint64_t *low, uint64_t *high);

/* Returns false if the kernel says that there is no space for the first page of [low, high) that
 * was stored to. */
bool spilled_has_room(const struct overlay *c, int fd, uint64_t low, uint64_t high);

/* Blocks the places: from here on every access to them faults, and waits in the handler for the
 * overlay lock. Returns false if the kernel refused a mapping. */
bool spilled_block(const struct place *places, unsigned count, const struct overlay *c, int fd);

/* Maps the spill file's pages at the places, last those to which the program can store. Returns 0,
 * or the -errno of the first mapping that the kernel refused; the rest is not mapped. */
long spilled_show(const struct place *places, unsigned count, const struct overlay *c, int fd);
/* Maps the file's own pages there. Returns false if the kernel refused a mapping. */
bool spilled_show_file(const struct place *places, unsigned count, const struct overlay *c);

/* The program has made a new mapping of the file. Maps what the spill file has of the place over
 * it, run by run, as overlay n. Takes the model lock. */
void spilled_show_present(unsigned n, int fd, const struct place *place);

/* Removes the pages of [low, high), which the file has again, from the spill file. Returns how many
 * bytes these were. Where that cannot be written, the pages stay as they are. */
uint64_t spilled_clear(const struct overlay *c, int fd, uint64_t low, uint64_t high);

/* The file ends at size now. Makes what was stored past that read as zeros. */
void spilled_trim(const struct overlay *c, int fd, uint64_t size);

#endif
