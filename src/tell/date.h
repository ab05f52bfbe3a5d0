/*
 * date: a moment as text, without libc's time zones, which read files and allocate.
 */
#ifndef MAPHERD_DATE_H
#define MAPHERD_DATE_H

#include <stdint.h>

/* "2026-11-26T15:31:29Z": ISO 8601, UTC. */
struct date {
    char text[24];
};

/* seconds: since 1970, as CLOCK_REALTIME counts; of a year up to 9999. Thread- and async-signal-safe. */
struct date date_text(uint64_t seconds);

/* Seconds of now. The kernel's own clock: no library in between can stop it. */
uint64_t date_now(void);

#endif
