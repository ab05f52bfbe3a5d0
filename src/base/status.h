/*
 * status: the numbers of mapherd/status.def, for whatever shows all of them.
 */
#ifndef MAPHERD_STATUS_H
#define MAPHERD_STATUS_H

#include <stddef.h>

#include "mapherd/mapherd.h"

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
