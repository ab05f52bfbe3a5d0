/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fmt: text without stdio, for log lines. Every function is thread- and async-signal-safe.
 */
#ifndef MAPHERD_FMT_H
#define MAPHERD_FMT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Formats as printf(3) does, into size > 0 bytes, and returns the length without the NUL. A text
 * that does not fit is cut; the NUL is always there. The conversions are %s %c %d %u %ld %lu %zu %x
 * %lx %%, without width. A NULL string becomes "(null)". The locale is not used, nothing is
 * allocated, and about 100 bytes of stack are used.
 */
size_t fmt(char *buf, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t fmt_va(char *buf, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Reads an unsigned decimal number at *text and moves *text behind it. False, with *text unchanged,
 * if there is none or it does not fit 64 bits. */
bool fmt_read_u64(const char **text, uint64_t *value);

/* Reads a hexadecimal number likewise: digits and small letters, without 0x. */
bool fmt_read_hex(const char **text, uint64_t *value);

/* True if all of text matches a shell pattern of *, ? and literal characters; * matches '/' too. */
bool fmt_glob(const char *pattern, size_t pattern_len, const char *text);

/* ---- why a call has failed ---- */

/*
 * Why a file cannot be made or written, in words for a log line.
 */

/* Returns the words for error, a positive errno value. They are static. Thread- and
 * async-signal-safe. */
const char *reason_of(long error);

#endif
