/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * status: see status.h.
 */
#include <config.h>

#include "tell/status.h"

/* The symbol is exported: `mapherd stat` finds the block by it. */
__attribute__((visibility("default"))) struct mapherd_status mapherd_status_block = {
    .version = MAPHERD_STATUS_VERSION,
    .size = sizeof mapherd_status_block,
    .limit = -1,
    .bound = -1,
    .exact = -1,
    .package = PACKAGE_VERSION,
};

const struct status_row status_rows[] = {
#define NUMBER(type, name, part, kind, metric, what)                                           \
    {                                                                                          \
        #name,       STATUS_##part, kind, metric, what, offsetof(struct mapherd_status, name), \
        sizeof(type)                                                                           \
    },
#define FIELD(type, name, what)
#define ARRAY(type, name, length, what)
#include "mapherd/status.def"
#undef NUMBER
#undef FIELD
#undef ARRAY
};
const size_t status_count = sizeof status_rows / sizeof *status_rows;

int64_t status_value(const struct mapherd_status *block, const struct status_row *row)
{
    const char *at = (const char *)block + row->at;
    return row->size == sizeof(uint32_t)
               ? (int64_t)__atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED)
               : __atomic_load_n((const int64_t *)at, __ATOMIC_RELAXED);
}

/* ---- news ---- */

#define MOVED_SHARE 50 /* of the limit */

/* How many binary digits the bytes in the spill file have; 0: there are none. */
static unsigned spill_order(void)
{
    uint64_t bytes = STATUS_GET(spill_waiting);
    return bytes ? 64 - (unsigned)__builtin_clzll(bytes) : 0;
}

bool news_are_due(const struct news *told)
{
    int64_t limit = STATUS_GET(limit);
    int64_t moved = STATUS_GET(bound) - __atomic_load_n(&told->upper_bound, __ATOMIC_RELAXED);
    return (limit > 0 && (moved < 0 ? -moved : moved) >= limit / MOVED_SHARE) ||
           STATUS_GET(pressure) != __atomic_load_n(&told->pressure, __ATOMIC_RELAXED) ||
           spill_order() != __atomic_load_n(&told->spill_order, __ATOMIC_RELAXED);
}

void news_tell(struct news *told)
{
    __atomic_store_n(&told->upper_bound, STATUS_GET(bound), __ATOMIC_RELAXED);
    __atomic_store_n(&told->pressure, STATUS_GET(pressure), __ATOMIC_RELAXED);
    __atomic_store_n(&told->spill_order, spill_order(), __ATOMIC_RELAXED);
}
