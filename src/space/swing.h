/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * swing: how far the number of VMAs falls before its fall counts in the log, so that a number that
 * swings around a border does not fill the log with lines.
 *
 * That is 5 percent of the limit below the border at first, and twice as much after each fall. An
 * hour after the last one it is 5 percent again. So a process that crosses a border each night is
 * told of each time, and one that swings is told of four or five times an hour at most, however
 * fast and far it does. Thread- and async-signal-safe; no lock.
 */
#ifndef MAPHERD_SWING_H
#define MAPHERD_SWING_H

#include <stdbool.h>
#include <stdint.h>

/* The falls of one border; static and zero. */
struct swing {
    uint64_t last_ms;
    unsigned falls;
};

/* True if the number is so far below the border that its fall counts. */
bool swing_has_fallen(const struct swing *s, long maps, long border, long limit);

/* Returns the number below which the fall counts. It may be negative: then none does for now. */
long swing_falls_below(const struct swing *s, long border, long limit);

/* Notes a fall that has counted. */
void swing_fell(struct swing *s);

#endif
