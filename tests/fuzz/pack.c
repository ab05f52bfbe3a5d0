/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pack: packs a file as a seed (packed.h): standard input to standard output.
 */
#include "packed.h"

#include <stdio.h>

enum { MOST = 4 << 20 };

static uint8_t bytes[MOST], packed[MOST];

int main(void)
{
    size_t len = fread(bytes, 1, MOST, stdin), size = packed_make(bytes, len, packed, MOST);
    return fwrite(packed, 1, size, stdout) != size || (len && !size);
}
