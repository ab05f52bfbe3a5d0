/*
 * spilled: pages on their way between a file and the spill file.
 *
 * c is a cover of kind OVERLAY_SPILL, fd its spill file, opened for the moment; offsets are the
 * covered file's. Overlay lock held.
 */
#ifndef MAPHERD_SPILLED_H
#define MAPHERD_SPILLED_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/overlays.h"

/* Copies what the file holds of [low, high) and is not in the spill file yet. 0 or -errno. */
long spilled_copy_in(const struct overlay *c, int fd, uint64_t low, uint64_t high);

/*
 * Writes what was stored to [low, high), which is blocked or no longer mapped, to the file. 0, or why that
 * cannot be (positive). Only what the file still holds by its sums is replaced: where it holds something
 * else, somebody has written it since, and the page stays: ESTALE, when the rest is done. A process that
 * dies between a page and its sum leaves a page that is the same in both files.
 */
int spilled_write_back(const struct overlay *c, int fd, uint64_t low, uint64_t high);

/* After ESTALE: of [low, high), what lies between the first and the last page that stay. */
void spilled_left(const struct overlay *c, int fd, uint64_t *low, uint64_t *high);

/* There is space for the first page of it that was stored to, as far as the kernel can be asked. */
bool spilled_has_room(const struct overlay *c, int fd, uint64_t low, uint64_t high);

/* From here on every access to the places faults, and waits in the handler. */
bool spilled_block(const struct place *places, unsigned count, const struct overlay *c, int fd);

/* The places show the spill file's pages, or the file's own. */
bool spilled_show(const struct place *places, unsigned count, const struct overlay *c, int fd);
bool spilled_show_file(const struct place *places, unsigned count, const struct overlay *c);

/* A new map of the file: maps what the spill file has of the place over it, run by run, as cover n. */
void spilled_show_present(unsigned n, int fd, const struct place *place);

/* [low, high) has gone back: it has none of these pages any more. */
void spilled_clear(const struct overlay *c, int fd, uint64_t low, uint64_t high);

/* The file ends at size now: what was stored behind that reads as zeros. */
void spilled_trim(const struct overlay *c, uint64_t size);

#endif
