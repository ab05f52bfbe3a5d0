/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * status: the numbers that the library publishes about itself (mapherd/status.def).
 *
 * Any thread may change a number of the block. The table of rows is for code that shows all
 * numbers. The macros and the function are thread- and async-signal-safe.
 */
#ifndef MAPHERD_STATUS_H
#define MAPHERD_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapherd/mapherd.h"

/* The block that mapherd_status() and `mapherd stat` read. Exported. */
extern struct mapherd_status mapherd_status_block;

/* Add n to a number, set it to n, and read it. */
#define STATUS_ADD(field, n) \
    ((void)__atomic_fetch_add(&mapherd_status_block.field, (n), __ATOMIC_RELAXED))
#define STATUS_SET(field, n) __atomic_store_n(&mapherd_status_block.field, (n), __ATOMIC_RELAXED)
#define STATUS_GET(field) __atomic_load_n(&mapherd_status_block.field, __ATOMIC_RELAXED)

/* Where the text of `mapherd stat` shows a number. */
enum status_part {
    STATUS_COUNT,   /* beside the kernel's own count of VMAs */
    STATUS_RISK,    /* data are at risk or lost */
    STATUS_TROUBLE, /* something has failed, was refused or was slow */
    STATUS_NOW,     /* what the library holds now */
    STATUS_DONE,    /* what it has done since the process began */
};

struct status_row {
    const char *name; /* the name of the field */
    enum status_part part;
    const char *kind;   /* counter or gauge */
    const char *metric; /* its name for Prometheus, or "" */
    const char *what;   /* what it counts, in a few words */
    size_t at, size;    /* the offset and size of the field in struct mapherd_status, in bytes */
};

/* The rows, in the order of the struct. */
extern const struct status_row status_rows[];
extern const size_t status_count;

/* Returns the number of a row in a block, to which other threads may write. Negative: it is not
 * known. */
int64_t status_value(const struct mapherd_status *block, const struct status_row *row);

/* ---- news ---- */

/*
 * Has the count of VMAs, or what waits in the spill file, changed enough to be published again?
 *
 * The record and the metrics ask this beside their once a second. No lock is taken.
 */

/* What was published last. */
struct news {
    int64_t upper_bound;
    uint32_t pressure;
    unsigned spill_order;
};

/* True if since then the upper bound has moved by a fiftieth of the limit, the pressure has
 * changed, or what waits in the spill file has passed a power of two, or 0. */
bool news_are_due(const struct news *told);

/* Notes that the present numbers are being published. */
void news_tell(struct news *told);

#endif
