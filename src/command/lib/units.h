/*
 * units: amounts and times in words, and from words.
 */
#ifndef MAPHERD_COMMAND_UNITS_H
#define MAPHERD_COMMAND_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* All in one of a few buffers that take turns: up to four in one printf. */
const char *units_bytes(uint64_t bytes);  /* "24.6 MiB" */
const char *units_span(uint64_t ms);      /* "3 s", "12 min", "1 h 12 min", "3 d 4 h" */
const char *units_between(uint64_t from_ms, uint64_t to_ms); /* the same; 0 s if to is not behind from */
const char *units_moment(uint64_t ms);    /* since 1970, as local time: "2026-11-24 09:12:33 CET" */

/* "90", "90s", "15m", "2h", "7d", in ms. */
bool units_read_span(const char *text, uint64_t *ms);

#endif
