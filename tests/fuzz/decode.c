/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * decode: the decoder of instructions, whose input may be data that lies between functions.
 */
#include "sites/decode.h"

#include "fuzz.h"

/* What is decoded depends on the instruction's own bytes alone, and on all of them. */
static void check(const unsigned char *at, size_t room, const struct decoded *d)
{
    struct decoded again;
    holds(d->length >= 1 && d->length <= 15 && d->length <= room);
    holds(d->kind <= DECODE_SYSCALL);
    unsigned char *alone = malloc(d->length);
    if (!alone)
        abort();
    memcpy(alone, at, d->length);
    holds(decode(alone, alone + d->length, &again) && again.length == d->length);
    holds(again.kind == d->kind && again.vector == d->vector);
    holds(!decode(alone, alone + d->length - 1, &again));
    if (d->kind == DECODE_BRANCH || d->kind == DECODE_CALL)
        holds(d->target - (uintptr_t)at + (1UL << 31) + 15 < (1UL << 32) + 30);
    free(alone);
    holds(!fuzz_broken() || d->kind != DECODE_INDIRECT || d->length < 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoded d;
    unsigned char *code = malloc(size ? size : 1);
    if (!code)
        abort();
    memcpy(code, data, size);
    for (size_t at = 0; at < size; at++)
        if (decode(code + at, code + size, &d))
            check(code + at, size - at, &d);
    free(code);
    return 0;
}
