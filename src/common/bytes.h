/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * bytes: a reader of the numbers of DWARF, which never reads beyond its end.
 *
 * A read beyond the end returns 0 and sets bad, so that a caller checks once, after its last read.
 * Every function is thread- and async-signal-safe.
 */
#ifndef MAPHERD_BYTES_H
#define MAPHERD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const unsigned char *at, *end;
    bool bad;
};

/* Moves len bytes on and returns where they begin; NULL if they reach beyond the end. */
static inline const unsigned char *bytes_skip(struct bytes *b, uint64_t len)
{
    const unsigned char *at = b->at;
    if (len > (uint64_t)(b->end - at)) {
        b->bad = true;
        b->at = b->end;
        return NULL;
    }
    b->at += len;
    return at;
}

/* Reads an unsigned or (is_signed) signed number of 1, 2, 4 or 8 bytes. */
static inline uint64_t bytes_number(struct bytes *b, size_t len, bool is_signed)
{
    uint64_t value = 0;
    const unsigned char *at = bytes_skip(b, len);
    if (!at)
        return 0;
    memcpy(&value, at, len); /* both machines are little endian */
    unsigned unused = 64 - 8 * (unsigned)len;
    return is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

/* Reads a number in the LEB128 format (DWARF 5, section 7.6). Bits above the 64th are ignored. */
static inline uint64_t bytes_leb(struct bytes *b, bool is_signed)
{
    uint64_t value = 0;
    unsigned shift = 0;
    unsigned char byte;
    do {
        byte = (unsigned char)bytes_number(b, 1, false);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80 && !b->bad);
    if (is_signed && shift < 64 && byte & 0x40)
        value |= ~(uint64_t)0 << shift;
    return value;
}

static inline uint64_t bytes_uleb(struct bytes *b)
{
    return bytes_leb(b, false);
}

static inline int64_t bytes_sleb(struct bytes *b)
{
    return (int64_t)bytes_leb(b, true);
}

#endif
