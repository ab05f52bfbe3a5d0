/*
 * fmt: text without stdio. What log lines need of printf and no more.
 */
#ifndef MAPHERD_FMT_H
#define MAPHERD_FMT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes at most size bytes, always ends with NUL (size > 0), returns the length written (a
 * text that does not fit is cut). Knows %s %c %d %u %ld %lu %zu %x %lx %% and nothing else: no
 * width, no floating point. A NULL string is "(null)".
 * Thread- and async-signal-safe; no locale, no allocation, about 100 bytes of stack.
 */
size_t fmt(char *buf, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t fmt_va(char *buf, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Reads an unsigned decimal at *text and moves *text behind it; false if there is none or it
 * does not fit 64 bits (then *text is where it was). */
bool fmt_read_u64(const char **text, uint64_t *value);

/* True if text matches a shell pattern of *, ? and literal characters. */
bool fmt_glob(const char *pattern, size_t pattern_len, const char *text);

#endif
