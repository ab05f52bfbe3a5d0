/*
 * error: see error.h.
 */
#define _GNU_SOURCE
#include "entry/error.h"

#include <errno.h>
#include <stddef.h>

/* The loader writes this pointer when it relocates the library: NULL until then. volatile, or else the
 * compiler takes it for what it is initialised with. */
static int *(*const volatile location)(void) = __errno_location;

bool error_reachable(void)
{
    return location != NULL;
}

void error_set(long error)
{
    int *(*locate)(void) = location;
    if (locate)
        *locate() = (int)error;
}
