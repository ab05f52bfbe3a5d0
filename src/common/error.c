/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * error: see error.h.
 */
#define _GNU_SOURCE
#include "common/error.h"

#include <stddef.h>

#include "common/libc.h"

/* NULL until the loader relocates the library and writes it. volatile, because the compiler
 * would take it to have the value that it is initialised with. */
static int *(*const volatile location)(void) = __errno_location;

bool error_reachable(void)
{
    return location != NULL;
}

int error_get(void)
{
    int *(*locate)(void) = location;
    return locate ? *locate() : 0;
}

void error_set(long error)
{
    int *(*locate)(void) = location;
    if (locate)
        *locate() = (int)error;
}
