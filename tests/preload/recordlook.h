/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * recordlook: what a record file says, read by the format alone and not by the command's reader.
 */
#ifndef TESTS_RECORDLOOK_H
#define TESTS_RECORDLOOK_H

#include <stddef.h>
#include <stdint.h>

#include "mapherd/record.h"

struct recorded {
    struct mapherd_record_head head;
    struct mapherd_record_mapping *pieces; /* by address */
    size_t count;
    size_t changing; /* pieces out of place just then */
};

/* Reads it; ends the program if it is none. */
struct recorded recordlook(const char *path);

/* This process's own record, as the kernel's list of its maps names it; NULL if there is none. */
const char *recordlook_own(void);

#endif
