/*
 * units: turns amounts and times into words, and words into times.
 */
#ifndef MAPHERD_COMMAND_UNITS_H
#define MAPHERD_COMMAND_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* There are a few buffers, used in turn: up to four results are good at once. */
const char *units_bytes(uint64_t bytes); /* "24.6 MiB" */
const char *units_span(uint64_t ms);     /* "3 s", "12 min", "1 h 12 min", "3 d 4 h" */
const char *units_between(uint64_t from_ms,
                          uint64_t to_ms); /* as a span; "0 s" if to is before from */
const char *units_moment(uint64_t ms); /* ms since 1970, as local time: "2026-11-24 09:12:33 CET" */

/* Reads "90", "90s", "15m", "2h" or "7d" into *ms. False if the text is none of that form. */
bool units_read_span(const char *text, uint64_t *ms);

#endif
