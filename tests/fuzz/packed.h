/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * packed: a file that is mostly zeros, or pages of one byte, as a short input.
 *
 * It is a row of parts: a byte LEN below 0x80, and LEN + 1 bytes as they are; or a byte 0x80, a
 * byte C, and 3 bytes N, the lowest first: N bytes C. Any bytes are such a row: what is cut ends
 * it.
 */
#ifndef MAPHERD_PACKED_H
#define MAPHERD_PACKED_H

#include "fuzz.h"

enum { PACKED_FILL = 0x80, PACKED_LITERAL = 0x80, PACKED_LEAST = 8 };

/* Unpacks at most most bytes to out. Returns how many. */
static inline size_t packed_open(const uint8_t *data, size_t size, uint8_t *out, size_t most)
{
    struct fuzz_input in = { data, data + size };
    size_t len = 0;
    while (in.at < in.end && len < most) {
        uint8_t first = fuzz_byte(&in);
        size_t n = (size_t)(first & 0x7f) + 1;
        if (first >= PACKED_FILL) {
            uint8_t c = fuzz_byte(&in);
            n = fuzz_byte(&in);
            n |= (size_t)fuzz_byte(&in) << 8;
            n |= (size_t)fuzz_byte(&in) << 16;
            if (n > most - len)
                n = most - len;
            memset(out + len, c, n);
        } else {
            if (n > most - len)
                n = most - len;
            fuzz_take(&in, out + len, n);
        }
        len += n;
    }
    return len;
}

/* How many bytes from there on are the same. */
static inline size_t packed_run(const uint8_t *at, const uint8_t *end)
{
    size_t n = 0;
    while (at + n < end && at[n] == at[0] && n < 0xffffff)
        n++;
    return n;
}

/* Packs len bytes into at most most. Returns how many they became; 0: they do not fit. */
static inline size_t packed_make(const uint8_t *bytes, size_t len, uint8_t *out, size_t most)
{
    const uint8_t *at = bytes, *end = bytes + len;
    size_t made = 0;
    while (at < end) {
        size_t n = packed_run(at, end);
        if (made + PACKED_LITERAL + 1 > most)
            return 0;
        if (n >= PACKED_LEAST) {
            const uint8_t part[5] = { PACKED_FILL, *at, (uint8_t)n, (uint8_t)(n >> 8),
                                      (uint8_t)(n >> 16) };
            memcpy(out + made, part, sizeof part);
            made += sizeof part;
            at += n;
            continue;
        }
        for (n = 0; at + n < end && n < PACKED_LITERAL && packed_run(at + n, end) < PACKED_LEAST;)
            n++;
        out[made++] = (uint8_t)(n - 1);
        memcpy(out + made, at, n);
        made += n;
        at += n;
    }
    return made;
}

#endif
