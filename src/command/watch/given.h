/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * given: the options of mapherd that a process was started with.
 *
 * The library in it tells which variables it has read. Otherwise the kernel shows the environment
 * of the last exec, over which a program may have written its title (setproctitle).
 */
#ifndef MAPHERD_GIVEN_H
#define MAPHERD_GIVEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "command/lib/enough.h"
#include "tell/options.h"

struct given {
    bool known;         /* the library tells, or the environment could be read and is one */
    struct texts texts; /* the variables of mapherd in it, "MAPHERD_COLD=auto" each */
    struct options are; /* the options that follow, with the defaults of those not set */
};

/* Reads them. base: where the library's first page is mapped in the process, or 0. The texts in
 * `are` become invalid with the next call. The caller frees the list of texts. */
struct given given_to(pid_t pid, uint64_t base);

#endif
