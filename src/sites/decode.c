/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * decode: see decode.h.
 *
 * A table for each map of opcodes says what follows the opcode. The tables are texts with a letter
 * for each opcode, a line for sixteen of them.
 */
#define _GNU_SOURCE
#include "sites/decode.h"

#include <stddef.h>
#include <string.h>

/*
 * The letters:
 *   . nothing follows            m ModRM                     x the decoder does not know it
 *   b a byte                     B ModRM and a byte          p a prefix
 *   w two bytes                  e three bytes (enter)       a an address (mov from and to it)
 *   z four bytes, or two         Z ModRM and z               v as z, eight bytes with REX.W
 *   j a jump over a byte         J a jump over four bytes    c a call
 *   t ModRM, and a byte (T: z) where its reg field is 0 or 1
 *   g ModRM, a jump where its reg field says so
 *   X ModRM and z; ModRM f8 is xbegin, a jump over four bytes
 *   o ModRM whose reg field is 0 (pop; the others are XOP)
 * In capitals or not, the opcodes of x87 and vector registers are told by is_vector.
 */
static const char one_byte[] = "mmmmbzxxmmmmbzxx" /* 00 */
                               "mmmmbzxxmmmmbzxx" /* 10 */
                               "mmmmbzpxmmmmbzpx" /* 20 */
                               "mmmmbzpxmmmmbzpx" /* 30 */
                               "pppppppppppppppp" /* 40: REX */
                               "................" /* 50 */
                               "xxxmppppzZbB...." /* 60; 62 is EVEX */
                               "jjjjjjjjjjjjjjjj" /* 70 */
                               "BZxBmmmmmmmmmmmo" /* 80 */
                               "..........x....." /* 90 */
                               "aaaa....bz......" /* a0 */
                               "bbbbbbbbvvvvvvvv" /* b0 */
                               "BBw.xxBXe.w..bx." /* c0; c4 and c5 are VEX */
                               "mmmmxxx.mmmmmmmm" /* d0 */
                               "jjjjbbbbcJxj...." /* e0 */
                               "p.pp..tT......mg" /* f0 */;

static const char two_byte[] = "mmmmx.....x.xm.x" /* 00 */
                               "mmmmmmmmmmmmmmmm" /* 10 */
                               "mmmmxxxxmmmmmmmm" /* 20 */
                               "......x.xxxxxxxx" /* 30; 38 and 3a lead to other maps */
                               "mmmmmmmmmmmmmmmm" /* 40 */
                               "mmmmmmmmmmmmmmmm" /* 50 */
                               "mmmmmmmmmmmmmmmm" /* 60 */
                               "BBBBmmm.xxxxmmmm" /* 70 */
                               "JJJJJJJJJJJJJJJJ" /* 80 */
                               "mmmmmmmmmmmmmmmm" /* 90 */
                               "...mBmxx...mBmmm" /* a0 */
                               "mmmmmmmmmmBmmmmm" /* b0 */
                               "mmBmBBBm........" /* c0 */
                               "mmmmmmmmmmmmmmmm" /* d0 */
                               "mmmmmmmmmmmmmmmm" /* e0 */
                               "mmmmmmmmmmmmmmmm" /* f0 */;

enum map { ONE_BYTE, MAP_0F, MAP_0F38, MAP_0F3A };

struct reader {
    const unsigned char *start, *at, *end;
    bool wide, small; /* REX.W; the prefix 66 */
    bool address;     /* the prefix 67, which gcc puts in front for alignment */
    bool bad;
};

static unsigned take(struct reader *r)
{
    if (r->at >= r->end) {
        r->bad = true;
        return 0;
    }
    return *r->at++;
}

static void skip(struct reader *r, size_t n)
{
    if ((size_t)(r->end - r->at) < n)
        r->bad = true;
    else
        r->at += n;
}

/* Reads a ModRM byte with what belongs to it. Returns the byte. */
static unsigned skip_modrm(struct reader *r)
{
    unsigned modrm = take(r), mod = modrm >> 6, rm = modrm & 7;
    if (mod == 3)
        return modrm;
    unsigned base = rm == 4 ? take(r) & 7 : rm; /* of the SIB byte */
    if (mod == 1)
        skip(r, 1);
    else if (mod == 2 || base == 5)
        skip(r, 4);
    return modrm;
}

/* Reads a distance of size bytes, which is counted from the end of the instruction. */
static void jump(struct reader *r, struct decoded *d, size_t size, enum decode_kind kind)
{
    const unsigned char *from = r->at;
    int32_t distance = 0;
    skip(r, size);
    if (r->bad)
        return;
    if (size == 1)
        distance = (signed char)*from;
    else
        memcpy(&distance, from, sizeof distance);
    d->kind = (unsigned char)kind;
    d->target = (uintptr_t)r->at + (uintptr_t)(intptr_t)distance;
}

/* ff: reg 2 and 3 are calls, 4 and 5 jumps. A jump by an address in memory at a fixed distance
 * leaves for another function, as those through the linker's tables do. */
static void group(struct reader *r, struct decoded *d)
{
    unsigned modrm = skip_modrm(r), reg = modrm >> 3 & 7;
    if (reg == 7)
        r->bad = true;
    d->last = reg == 4 || reg == 5;
    if (d->last && (modrm & 0xc7) != 5)
        d->kind = DECODE_INDIRECT;
}

/* ret, iret, jmp, hlt */
static bool is_last(unsigned opcode)
{
    return opcode == 0xc2 || opcode == 0xc3 || opcode == 0xca || opcode == 0xcb || opcode == 0xcf ||
           opcode == 0xe9 || opcode == 0xeb || opcode == 0xf4;
}

/* c7: mov, or xbegin, which leads to its target when the transaction ends otherwise. */
static void mov_or_begin(struct reader *r, struct decoded *d, size_t z)
{
    if (skip_modrm(r) != 0xf8)
        skip(r, z);
    else if (z == 4)
        jump(r, d, z, DECODE_BRANCH);
    else
        r->bad = true; /* nothing assembles that */
}

static void follow(struct reader *r, char letter, struct decoded *d)
{
    const size_t z = r->small && !r->wide ? 2 : 4;
    switch (letter) {
    case '.': break;
    case 'm': skip_modrm(r); break;
    case 'b': skip(r, 1); break;
    case 'w': skip(r, 2); break;
    case 'e': skip(r, 3); break;
    case 'z': skip(r, z); break;
    case 'a': skip(r, r->address ? 4 : 8); break;
    case 'v': skip(r, r->wide ? 8 : z); break;
    case 'B': skip_modrm(r), skip(r, 1); break;
    case 'Z': skip_modrm(r), skip(r, z); break;
    case 'X': mov_or_begin(r, d, z); break;
    case 'j': jump(r, d, 1, DECODE_BRANCH); break;
    case 'J': jump(r, d, 4, DECODE_BRANCH); break;
    case 'c': jump(r, d, 4, DECODE_CALL); break;
    case 't': skip(r, (skip_modrm(r) >> 3 & 7) < 2 ? 1 : 0); break;
    case 'T': skip(r, (skip_modrm(r) >> 3 & 7) < 2 ? z : 0); break;
    case 'g': group(r, d); break;
    case 'o': r->bad |= (skip_modrm(r) >> 3 & 7) != 0; break;
    default: r->bad = true;
    }
}

/* What uses x87, MMX, SSE or AVX. Where it is not worth a distinction, more is counted. */
static bool is_vector(enum map map, unsigned opcode)
{
    switch (map) {
    case ONE_BYTE: return opcode == 0x9b || (opcode >= 0xd8 && opcode <= 0xdf);
    case MAP_0F:
        return (opcode >= 0x10 && opcode <= 0x17) || (opcode >= 0x28 && opcode <= 0x2f) ||
               (opcode >= 0x50 && opcode <= 0x7f) || opcode == 0xae || opcode == 0xc2 ||
               (opcode >= 0xc4 && opcode <= 0xc6) || (opcode >= 0xd0 && opcode != 0xff);
    case MAP_0F38: return opcode < 0xf0;
    default: return true;
    }
}

/* Instructions of AVX and AVX-512 are vector instructions to the caller, though a few are not. */
static void vex(struct reader *r, unsigned map, struct decoded *d)
{
    unsigned opcode = take(r);
    d->vector = true;
    if (map == MAP_0F) {
        char letter = two_byte[opcode];
        follow(r, (letter == '.' || letter == 'J') && opcode != 0x77 ? 'x' : letter, d);
    } else {
        follow(r, map == MAP_0F3A ? 'B' : 'm', d);
        r->bad |= map != MAP_0F38 && map != MAP_0F3A;
    }
}

static void evex(struct reader *r, struct decoded *d)
{
    unsigned first = take(r), second = take(r), map = first & 7;
    take(r);
    if ((first & 8) || !(second & 4))
        r->bad = true;
    else
        vex(r, map == 5 ? MAP_0F : map == 6 ? MAP_0F38 : map, d); /* 5 and 6: half precision */
}

/* The opcode is 0f. */
static void long_opcode(struct reader *r, struct decoded *d)
{
    unsigned opcode = take(r);
    if (opcode == 0x38 || opcode == 0x3a) {
        enum map map = opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
        d->vector = is_vector(map, take(r));
        follow(r, map == MAP_0F38 ? 'm' : 'B', d);
        return;
    }
    d->vector = is_vector(MAP_0F, opcode);
    follow(r, two_byte[opcode], d);
    if (opcode == 0x05)
        d->kind = DECODE_SYSCALL;
}

/* Reads the prefixes. Returns the byte behind them. */
static unsigned skip_prefixes(struct reader *r)
{
    for (;;) {
        unsigned byte = take(r);
        if (r->bad || one_byte[byte] != 'p')
            return byte;
        r->small |= byte == 0x66;
        r->wide = (byte & 0xf8) == 0x48; /* REX counts in front of the opcode alone */
        r->address |= byte == 0x67;
    }
}

bool decode(const unsigned char *at, const unsigned char *end, struct decoded *d)
{
    enum { LONGEST = 15 };
    struct reader r = { .start = at, .at = at, .end = end - at > LONGEST ? at + LONGEST : end };
    *d = (struct decoded){ .kind = DECODE_PLAIN };
    unsigned opcode = skip_prefixes(&r);
    if (opcode == 0x0f) {
        long_opcode(&r, d);
    } else if (opcode == 0xc5) {
        take(&r);
        vex(&r, MAP_0F, d);
    } else if (opcode == 0xc4) {
        unsigned map = take(&r) & 0x1f;
        take(&r);
        vex(&r, map, d);
    } else if (opcode == 0x62) {
        evex(&r, d);
    } else {
        d->vector = is_vector(ONE_BYTE, opcode);
        d->last = is_last(opcode);
        follow(&r, one_byte[opcode], d);
    }
    d->length = (unsigned char)(r.at - r.start);
    return !r.bad;
}
