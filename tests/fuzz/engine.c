/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * engine: a script of calls about maps to the engine, against the fake kernel.
 *
 * The input is a byte, which says how the world is, and the numbers that the script draws
 * (tests/unit/script.h), a byte each, two where there are more than 256. It ends with the input.
 * With FUZZ_ALOUD in the environment each call is told.
 */
#include "fuzz.h"

#include "script.h"
#include "tell/options.h"

enum { STEPS_MOST = 400 };

static struct fuzz_input in;

static uint32_t draw(uint32_t n)
{
    uint32_t number = fuzz_byte(&in);
    if (n > 256)
        number |= (uint32_t)fuzz_byte(&in) << 8;
    return number % n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int coalesce[] = { COALESCE_JOIN, COALESCE_FILL, COALESCE_PLACE, COALESCE_OFF };
    in = (struct fuzz_input){ data, data + size };
    uint8_t world = fuzz_byte(&in);
    script_begin(&(struct script){ .draw = draw,
                                   .coalesce = coalesce[world & 3],
                                   .overlay = world & 4,
                                   .sparse = world & 8,
                                   .broken = fuzz_broken(),
                                   .aloud = getenv("FUZZ_ALOUD") != NULL });
    for (int i = 0; i < STEPS_MOST && in.at < in.end; i++) {
        script_step();
        script_compare();
    }
    script_end();
    return 0;
}
