/*
 * status: the numbers that the library tells of itself (mapherd/status.def): the block, whose numbers any
 * thread may change, and the table of its rows, for whatever shows all of them.
 */
#ifndef MAPHERD_STATUS_H
#define MAPHERD_STATUS_H

#include <stddef.h>

#include "mapherd/mapherd.h"

/* The block that mapherd_status() and `mapherd stat` read. Exported. */
extern struct mapherd_status mapherd_status_block;

/* One of its numbers, from any thread. */
#define STATUS_ADD(field, n) \
    ((void)__atomic_fetch_add(&mapherd_status_block.field, (n), __ATOMIC_RELAXED))
#define STATUS_SET(field, n) __atomic_store_n(&mapherd_status_block.field, (n), __ATOMIC_RELAXED)
#define STATUS_GET(field) __atomic_load_n(&mapherd_status_block.field, __ATOMIC_RELAXED)

struct status_row {
    const char *name;   /* of the field */
    const char *kind;   /* counter or gauge */
    const char *metric; /* the name at Prometheus, or "" */
    const char *what;   /* what is counted, in a few words */
    size_t at, size;    /* of the field in struct mapherd_status, in bytes */
};

/* In the order of the struct. */
extern const struct status_row status_rows[];
extern const size_t status_count;

/* The row's number in a block that other threads may write to. Negative: it is not known. Signal-safe. */
int64_t status_value(const struct mapherd_status *block, const struct status_row *row);

#endif
