/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* A library that plays all scenes in its constructor and in its destructor. What it says on
 * stdout proves that both ran. */
#include "contexts_calls.h"

#include <string.h>
#include <unistd.h>

static struct part parts[PARTS];

static void tell(const char *text)
{
    if (write(1, text, strlen(text)) < 0)
        _exit(1);
}

__attribute__((constructor)) static void start(void)
{
    if (!parts_start(parts, PARTS))
        went_wrong("constructor", "memfd_create", "failed");
    play_all(&parts[0], true, "constructor");
    tell("constructor\n");
}

__attribute__((destructor)) static void end(void)
{
    play_all(&parts[1], true, "destructor");
    tell("destructor\n");
}
