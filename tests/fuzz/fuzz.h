/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fuzz: what the targets of the fuzzers share.
 *
 * A target defines LLVMFuzzerTestOneInput, as libFuzzer wants it. It is linked with libFuzzer, or
 * with driver.c. Whatever the input is, the target returns; where something is wrong the process
 * ends by a signal.
 */
#ifndef MAPHERD_FUZZ_H
#define MAPHERD_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional in a target. Changes an input of size bytes, which may become most bytes long, and
 * returns its new size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/* The common way to change an input. libFuzzer and driver.c define it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* Ends the process by SIGABRT if the condition does not hold. */
#define holds(what)                                                                   \
    do {                                                                              \
        if (!(what)) {                                                                \
            dprintf(2, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #what); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

/* True if FUZZ_BROKEN is set: the target then makes a mistake on purpose, where few inputs lead.
 * fuzz.sh shows by it that each target finds a mistake. */
static inline bool fuzz_broken(void)
{
    static int broken = -1;
    if (broken < 0)
        broken = getenv("FUZZ_BROKEN") != NULL;
    return broken;
}

/* ---- an input as a row of numbers ---- */

struct fuzz_input {
    const uint8_t *at, *end;
};

/* Takes one byte; 0 behind the end. */
static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* Takes eight bytes, the lowest first. */
static inline uint64_t fuzz_u64(struct fuzz_input *in)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)fuzz_byte(in) << 8 * i;
    return value;
}

/* Takes size bytes, of which those behind the end are 0. */
static inline void fuzz_take(struct fuzz_input *in, void *to, size_t size)
{
    size_t left = (size_t)(in->end - in->at), n = left < size ? left : size;
    memset(to, 0, size);
    memcpy(to, in->at, n);
    in->at += n;
}

/* Returns the bytes up to the next separator, or all that are left, as a string in memory of
 * malloc. The memory is no longer than the string, so that AddressSanitizer sees a read behind
 * it. */
static inline char *fuzz_string(struct fuzz_input *in, char separator)
{
    size_t left = (size_t)(in->end - in->at);
    const uint8_t *cut = left ? memchr(in->at, separator, left) : NULL;
    size_t len = cut ? (size_t)(cut - in->at) : left;
    char *text = malloc(len + 1);
    if (!text)
        abort();
    if (len)
        memcpy(text, in->at, len);
    text[len] = '\0';
    in->at += len + (cut != NULL);
    return text;
}

#endif
