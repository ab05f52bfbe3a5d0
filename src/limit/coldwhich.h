/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldwhich: which mappings may become cold.
 *
 * Shared ones, and private ones that were never writable, of files that can be mapped again at any
 * time from the same open file, as MAPHERD_COLD says.
 *
 * Every function is thread- and async-signal-safe, and needs no lock.
 */
#ifndef MAPHERD_COLDWHICH_H
#define MAPHERD_COLDWHICH_H

#include <stdbool.h>
#include <stdint.h>

#include "space/request.h"

struct held;

/* True if MAPHERD_COLD allows it for some file. */
bool which_any(void);

/* Returns the kind of what was asked for (space/regions.h). */
uint32_t which_kind(const struct map_request *q);

/* True if a range of this kind may be cold. */
bool which_may(uint32_t kind);

/* True if mappings of the file of the request may become cold now. Sets what the kernel's list of
 * VMAs shows for it. */
bool which_file(struct map_request *q, struct held *seen);

#endif
