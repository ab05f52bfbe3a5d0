/*
 * date: a time as text.
 *
 * libc's functions look up the time zone: they read files and allocate. These do not. Every
 * function is thread- and async-signal-safe.
 */
#ifndef MAPHERD_DATE_H
#define MAPHERD_DATE_H

#include <stdint.h>

/* A time in the format of ISO 8601, in UTC: "2026-11-26T15:31:29Z". */
struct date {
    char text[24];
};

/* Returns the text of a time in seconds since 1970 (CLOCK_REALTIME), up to the year 9999. */
struct date date_text(uint64_t seconds);

/* Returns the present time in seconds since 1970, by the kernel's own clock (sys_clock_ns). */
uint64_t date_now(void);

#endif
