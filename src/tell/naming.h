/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * naming: file names that are made from the process: %p is its id, %e the program, %t the time in
 * seconds since 1970, and %h the host's name, which is often the id of a container. Any other %
 * stays.
 *
 * Every function is thread- and async-signal-safe.
 */
#ifndef MAPHERD_NAMING_H
#define MAPHERD_NAMING_H

#include <stddef.h>
#include <stdint.h>

#include "common/words.h"

/* Expands a form into size > 0 bytes and returns the length. A name that does not fit is cut; the
 * NUL is always there. */
size_t naming_expand(char *out, size_t size, struct option_text form, const char *program,
                     long pid);

/* Writes the host's name, without '/' and control characters; "?" where it cannot be read. */
void naming_host(char *out, size_t size);

/* ---- dates ---- */

/*
 * A time as text.
 *
 * libc's functions look up the time zone: they read files and allocate. These do not. Every
 * function is thread- and async-signal-safe.
 */

/* A time in the format of ISO 8601, in UTC: "2026-11-26T15:31:29Z". */
struct date {
    char text[24];
};

/* Returns the text of a time in seconds since 1970 (CLOCK_REALTIME), up to the year 9999. */
struct date date_text(uint64_t seconds);

/* Returns the present time in seconds since 1970, by the kernel's own clock (sys_clock_ns). */
uint64_t date_now(void);

#endif
