/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cold: how a process does with cold mappings (limit/cold.h), as the status block of the library in
 * it tells: how many are made warm a second, whether it thrashes, and how large its warm set seems
 * to be, which are the mappings that it uses again and again.
 */
#ifndef MAPHERD_COMMAND_COLD_H
#define MAPHERD_COMMAND_COLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/lib/print.h"
#include "mapherd/mapherd.h"

/* What is seen over a span of time. */
struct cold_use {
    uint64_t cold, warm, failed; /* at its end, as in the status block */
    uint64_t warmed, early;      /* how many more than at its beginning */
    uint64_t ms;                 /* the span; 0: not known */
};

/* Between two readings of the block of one process; before is NULL: since the process began, ms
 * ago. */
struct cold_use cold_between(const struct mapherd_status *before, const struct mapherd_status *now,
                             uint64_t ms);

/* Whether mappings are cold, or were made warm in the span. */
bool cold_shows(const struct cold_use *use);

/* The mappings made warm a second; 0: not known. */
uint64_t cold_a_second(const struct cold_use *use);

/* Whether making mappings warm takes a notable part of the time of the process. */
bool cold_thrashes(const struct cold_use *use);

/* A sentence without its end, about the warm set. */
const char *cold_fit(const struct cold_use *use);

/* "900 of 1,000 mappings are cold; 4,000 are made warm a second, 72 % of them early". */
void cold_text(const struct cold_use *use, char *text, size_t size);

/* Writes the members warmed_a_second and thrashes. */
void cold_json(const struct cold_use *use, struct json *j);

#endif
