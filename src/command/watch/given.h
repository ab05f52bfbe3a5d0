/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * given: the options of mapherd that a process was started with. The kernel shows the environment
 * of its last exec, which is the one that the library in it has read. A program that has written
 * its title over its environment (setproctitle) shows other text there.
 */
#ifndef MAPHERD_GIVEN_H
#define MAPHERD_GIVEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "command/lib/enough.h"
#include "tell/options.h"

struct given {
    bool known;         /* the environment could be read, and is one */
    struct texts texts; /* the variables of mapherd in it, "MAPHERD_COLD=auto" each */
    struct options are; /* the options that follow, with the defaults of those not set */
};

/* Reads them. The texts in `are` become invalid with the next call. The caller frees the list of
 * texts. */
struct given given_to(pid_t pid);

#endif
